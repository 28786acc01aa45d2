"""The module that install scripts of extensions import; every name lives in `modules.launch_utils`."""

from modules.launch_utils import (  # noqa: F401
    args,
    check_run_python,
    commit_hash,
    dir_repos,
    git,
    git_tag,
    index_url,
    is_installed,
    list_extensions,
    python,
    repo_dir,
    run,
    run_extension_installer,
    run_pip,
)

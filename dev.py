#!/usr/bin/env python3
"""The project's commands: `python dev.py --help`. Needs Python 3.10, 3.11 or 3.12 and nothing else."""

# This file must parse on any Python 3 (and 2.7), so that an old one gets a sentence instead of a SyntaxError.
import os
import sys

if sys.version_info < (3, 10):
    sys.stderr.write(
        "dev.py needs Python 3.10, 3.11 or 3.12; this is Python {0}.{1} ({2}).\n"
        "Install one of them and run it instead, for example: python3.11 dev.py demo\n".format(
            sys.version_info[0], sys.version_info[1], sys.executable
        )
    )
    sys.exit(1)

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from devtools.cli import main  # noqa: E402  (only a new enough Python may see it)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""`python -m pocket_webui serve` opens the page; `python -m pocket_webui paint "a prompt" -o out.png` paints one."""

from __future__ import annotations

import sys


def main() -> int:
    """Exit code: 0, or 2 after a mistake that the message explains."""
    if sys.version_info < (3, 10):  # noqa: UP036  (people do start it with older ones)
        found = ".".join(map(str, sys.version_info[:3]))
        print(f"The pocket WebUI needs Python 3.10 or newer; this is {found}.", file=sys.stderr)
        return 2
    from pocket_webui import cli

    return cli.main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())

"""The command `m6rec`, also as `python -m m6rec_cli`."""

import sys


def main() -> None:
    """Run the command line and exit with the documented code.

    `m6rec --help` is printed first: importing the command line's library takes five times as long
    as Python's own start.
    """
    if sys.argv[1:] in (["--help"], ["-h"]) and _print_overview():
        return
    from m6rec_cli.cli import app

    app.main()


def _print_overview() -> bool:
    """Print the overview; False if stdout cannot be written, which `app.main` then reports."""
    from m6rec_cli.cli import folding, overview

    try:
        print(overview.text(folding.width()), flush=True)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()

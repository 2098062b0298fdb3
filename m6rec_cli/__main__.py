"""`python -m m6rec_cli`, and the command `m6rec`."""

import sys


def main() -> None:
    """Run the command line and exit with the documented code.

    The overview comes first: importing what reads a command line takes five times as long as Python's own start.
    """
    if sys.argv[1:] in (["--help"], ["-h"]) and _overview():
        return
    from m6rec_cli.cli import app

    app.main()


def _overview() -> bool:
    """Print it; False if it cannot be written, which the command line proper meets again and tells."""
    from m6rec_cli.cli import overview

    try:
        print(overview.TEXT, flush=True)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()

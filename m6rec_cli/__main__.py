"""`python -m m6rec_cli`, and the command `m6rec`."""

import sys


def main() -> None:
    """Run the command line and exit with the documented code.

    The overview comes first: importing what reads a command line takes five times as long as Python's own start.
    """
    if sys.argv[1:] in (["--help"], ["-h"]):
        from m6rec_cli.cli import overview

        print(overview.TEXT)
        return
    from m6rec_cli.cli import app

    app.main()


if __name__ == "__main__":
    main()

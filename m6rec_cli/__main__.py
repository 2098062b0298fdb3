"""`python -m m6rec_cli`, and the command `m6rec`."""

import sys


def main() -> None:
    """Run the command line and exit with the documented code.

    The overview comes first: importing what reads a command line takes five times as long as Python's own start.
    """
    if sys.argv[1:] in (["--help"], ["-h"]):
        from m6rec_cli.cli import overview

        try:
            print(overview.TEXT, flush=True)
            return
        except OSError:
            pass  # the command line proper tries again, and says what is wrong
    from m6rec_cli.cli import app

    app.main()


if __name__ == "__main__":
    main()

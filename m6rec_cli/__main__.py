"""`python -m m6rec_cli`, and the command `m6rec`."""

from m6rec_cli.cli.app import main

if __name__ == "__main__":
    main()

"""The long part: every kind of fault, injected for real; prints a table and exits 1 if any is lost.

    python tests/faults/run_all.py [NAME ...]

A kind is a file of `tests/faults/long/` with a function `rows()`.
"""

import importlib
import pkgutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

COLUMNS = ("fault", "tried", "survived", "lost", "silent", "exit 3")


def main() -> None:
    """Run the named kinds, or all."""
    from tests.faults import long

    names = sys.argv[1:] or [module.name for module in pkgutil.iter_modules(long.__path__)]
    bad = 0
    print("\t".join(COLUMNS))
    for name in names:
        for row in importlib.import_module(f"tests.faults.long.{name}").rows():
            print("\t".join(str(row[column]) for column in COLUMNS), flush=True)
            bad += sum(int(row[column]) for column in ("lost", "silent", "exit 3"))
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()

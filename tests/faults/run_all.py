"""The long part: every kind of fault, injected for real; prints a table and exits 1 if any is lost.

    python tests/faults/run_all.py [NAME ...]

A kind is a file of `tests/faults/long/` with a function `rows()`, see `long/table.py`.
"""

import importlib
import pkgutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent))


def main() -> None:
    """Run the named kinds, or all."""
    from tests.faults import long
    from tests.faults.long.table import COLUMNS

    kinds = [m.name for m in pkgutil.iter_modules(long.__path__) if m.name != "table"]
    bad = 0
    print("\t".join(COLUMNS))
    for name in sys.argv[1:] or kinds:
        for row in importlib.import_module(f"tests.faults.long.{name}").rows():
            print("\t".join(str(row[column]) for column in COLUMNS), flush=True)
            bad += int(row["lost"])
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()

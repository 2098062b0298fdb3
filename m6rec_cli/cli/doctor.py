"""`m6rec doctor`: what the installation can do, and what is missing."""

import json
import sys

from m6rec_cli.cli import console, options, run
from m6rec_cli.system.shown_text import printable_json


def doctor(as_json: options.Json = False, debug: options.Debug = False) -> None:
    """Check the installation: Python, libraries, extras, memory, cache, each device."""
    with run.exit_codes(debug=debug):
        from m6rec_cli.stages import doctor as stage

        found = stage.run()
        if sys.stdout.isatty() and not as_json:
            found.show(console.reporter(stream=sys.stdout))
        else:
            print(printable_json(json.dumps(found.to_json(), allow_nan=False)), flush=True)
        found.require_health()

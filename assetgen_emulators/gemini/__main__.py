"""Runs the Gemini emulator as a process."""

import argparse
import sys
import textwrap
from pathlib import Path

from assetgen_emulators.gemini import faults
from assetgen_emulators.gemini.faults import faults_from_json
from assetgen_emulators.gemini.server import GeminiEmulator

#: Ends the ``--help``; an action's optional fields are in ``faults``.
_FAULTS = """\
a plan for --faults, or for an emulator that runs already (curl URL/standin/faults -d @plan.json):
  [{"nth": 7, "action": {"kind": "no_image"}},
   {"prompt": "winter", "times": null, "action": {"kind": "prompt_blocked"}},
   {"after": 20, "times": 3, "action": {"kind": "api_error", "status": 503}}]
The seventh call from then on gets no picture; every prompt that contains "winter" is refused; after the twentieth
call, three fail. [] ends the plan. Kinds of action, with the fields that they need:
"""


def main(argv: list[str] | None = None) -> int:
    """Runs the emulator as a process until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(
        prog="python -m assetgen_emulators.gemini",
        description="Emulates the Gemini API on this machine.\n\n"
        "Prints its base URL when it is ready; ends on SIGTERM or Ctrl-C.",
        epilog=_FAULTS + textwrap.fill(faults.kinds(), 118, initial_indent="  ", subsequent_indent="  "),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes a free one")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds that an answer takes, by default 0")
    parser.add_argument("--requests-per-minute", type=int, help="answer 429 to calls beyond this many a minute")
    restricted = "a model that is shown, but refuses every call, as to new users; may be given several times"
    parser.add_argument("--restricted", action="append", default=[], metavar="MODEL", help=restricted)
    parser.add_argument("--no-billing", action="store_true", help="refuse every call, as without billing")
    parser.add_argument("--faults", type=Path, help="a fault plan as JSON")
    arguments = parser.parse_args(argv)
    try:
        emulator = GeminiEmulator(arguments.port, arguments.latency)
    except OSError as error:
        parser.error(f"--port {arguments.port}: {error.strerror}")
    emulator.limit_requests(arguments.requests_per_minute)
    emulator.restricted, emulator.billing = frozenset(arguments.restricted), not arguments.no_billing
    if arguments.faults:
        try:
            emulator.plan(faults_from_json(arguments.faults.read_bytes()))
        except (OSError, ValueError) as error:
            parser.error(f"--faults {arguments.faults}: {error}")
    emulator.serve_until_stopped()
    return 0


if __name__ == "__main__":
    sys.exit(main())

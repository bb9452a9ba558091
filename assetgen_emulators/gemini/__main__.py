"""Runs the Gemini emulator as a process."""

import argparse
import sys
from pathlib import Path

from assetgen_emulators.gemini import faults
from assetgen_emulators.gemini.faults import faults_from_json
from assetgen_emulators.gemini.server import GeminiEmulator

#: Below the ``--help``; what else an action may say is in ``faults``.
_FAULTS = """\
a plan for --faults, or for an emulator that runs already (curl URL/standin/faults -d @plan.json):
  [{"nth": 7, "action": {"kind": "no_image"}},
   {"prompt": "winter", "times": null, "action": {"kind": "prompt_blocked"}},
   {"after": 20, "times": 3, "action": {"kind": "api_error", "status": 503}}]
The seventh call from then on gets no picture; every prompt with the word winter is refused; of those after the
twentieth three fail and are made again. [] takes the plan back. Kinds of action, with what they need:
  {kinds}
"""


def main(argv: list[str] | None = None) -> int:
    """Runs the emulator as a process until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(
        description="Imitate the Gemini API on this machine.",
        epilog=_FAULTS.replace("{kinds}", faults.kinds()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds a picture takes")
    parser.add_argument("--requests-per-minute", type=int, help="answer 429 to calls beyond so many")
    parser.add_argument("--faults", type=Path, help="a fault plan as JSON")
    arguments = parser.parse_args(argv)
    try:
        emulator = GeminiEmulator(arguments.port, arguments.latency)
    except OSError as error:
        parser.error(f"--port {arguments.port}: {error.strerror}")
    emulator.limit_requests(arguments.requests_per_minute)
    if arguments.faults:
        try:
            emulator.plan(faults_from_json(arguments.faults.read_bytes()))
        except (OSError, ValueError) as error:
            parser.error(f"--faults {arguments.faults}: {error}")
    emulator.serve_until_stopped()
    return 0


if __name__ == "__main__":
    sys.exit(main())

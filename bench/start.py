"""One new project in a process of its own: how long until its run knows what to draw, and until all is drawn.

Prints one JSON line.
"""

import json
import sys
import time

from assetgen_dagster.cli.generate import run_project
from assetgen_dagster.drawing.events import PlanMade
from assetgen_dagster.drawing.plan import Mode
from assetgen_dagster.project.key import ProjectKey
from assetgen_dagster.settings import load_settings


def main() -> None:
    """Runs once."""
    begun = time.monotonic()
    planned: list[float] = []

    def listen(_key: object, event: object) -> None:
        if isinstance(event, PlanMade):
            planned.append(time.monotonic() - begun)

    outcome = run_project(
        ProjectKey("bench", sys.argv[1]),
        load_settings(),
        topic="Bulbasaur forest",
        story_direction="Seasons",
        mode=Mode.AUTO,
        listener=listen,
    )
    if not outcome.success:
        sys.exit(outcome.message)
    print(json.dumps({"run start": planned[0], "whole run": time.monotonic() - begun}))


if __name__ == "__main__":
    main()

"""One Dagster run in a process of its own, measured from inside; prints one JSON line."""

import json
import resource
import sys
import time

from assetgen_dagster.cli.dagster_home import open_instance
from assetgen_dagster.cli.generate import run_project
from assetgen_dagster.drawing.plan import Mode
from assetgen_dagster.project.key import ProjectKey
from assetgen_dagster.settings import load_settings


def _cpu() -> float:
    found = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in found)


def main() -> None:
    """Runs once; ``step_seconds`` are Dagster's own for the step ``images``."""
    cpu, begun = _cpu(), time.monotonic()
    outcome = run_project(
        ProjectKey("bench", sys.argv[1]),
        load_settings(),
        topic="Bulbasaur forest",
        story_direction="Seasons",
        mode=Mode.AUTO,
        listener=lambda _key, _event: None,
    )
    spent, lasted = _cpu() - cpu, time.monotonic() - begun
    with open_instance(load_settings()) as instance:
        [step] = [step for step in instance.get_run_step_stats(outcome.run_id) if step.step_key == "images"]
    seconds = (step.end_time or 0) - (step.start_time or 0)
    print(json.dumps({"step_seconds": seconds, "run_seconds": lasted, "cpu_seconds": spent}))


if __name__ == "__main__":
    main()

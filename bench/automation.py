"""Whether Dagster's own automation could refresh projects: the CPU of its tick beside that of ``project_upkeep``.

``python -m bench.automation 500 2000`` measures with SQLite at so many finished projects. CPU seconds of one process
change little when the machine is busy.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import dagster as dg

from assetgen_dagster.assets.keys import ASSETS_READY, CONTACT_SHEET, image_key
from assetgen_dagster.assets.resources import SettingsResource
from assetgen_dagster.cli.dagster_home import open_instance
from assetgen_dagster.definitions import build_definitions
from assetgen_dagster.sensors.project_upkeep import project_upkeep
from assetgen_dagster.settings import PROJECT_ROOT, load_settings
from assetgen_emulators.gemini import GeminiEmulator
from bench import many

_TICKS = 5

#: What comes nearest to the refresh: a picture changed since the last one, and no run is at work.
_REFRESH = (
    dg.AutomationCondition.any_deps_match(dg.AutomationCondition.newly_updated()).since(
        dg.AutomationCondition.newly_requested() | dg.AutomationCondition.newly_updated()
    )
    & ~dg.AutomationCondition.any_deps_in_progress()
    & ~dg.AutomationCondition.in_progress()
)


def measure(counts: list[int]) -> None:
    """Measures at each number of finished projects and prints a line for each."""
    with tempfile.TemporaryDirectory() as temporary, GeminiEmulator() as gemini:
        os.environ |= {"GEMINI_API_KEY": "k", "GOOGLE_GEMINI_BASE_URL": gemini.base_url, "NOTION_TOKEN": ""}
        environment = many.an_instance(Path(temporary))
        there = 0
        for count in counts:
            many.grow(environment, there, count, [])
            there = count
            done = subprocess.run(
                [sys.executable, "-W", "ignore", "-m", "bench.automation", "tick"],
                env=os.environ | environment,
                cwd=PROJECT_ROOT,
                check=True,
                stdout=subprocess.PIPE,
                text=True,
            )
            print(f"{count} projects: {done.stdout.splitlines()[-1]}", flush=True)


def tick() -> None:
    """Measures in the instance of the environment, and prints CPU seconds as JSON."""
    plain, both = build_definitions(), [ASSETS_READY, CONTACT_SHEET]
    automated = plain.map_asset_specs(
        func=lambda spec: spec.replace_attributes(automation_condition=_REFRESH) if spec.key in both else spec
    )
    conditions = dg.AutomationConditionSensorDefinition("refresh", target=both, use_user_code_server=True)
    with open_instance(load_settings()) as instance:
        cursors: dict[str, str | None] = {}
        requests: list[dg.RunRequest] = []

        def sensor() -> None:
            context = dg.build_sensor_context(instance=instance, cursor=cursors.get("sensor"), definitions=plain)
            found = project_upkeep(context, assetgen_settings=SettingsResource())
            assert isinstance(found, dg.SensorResult)
            cursors["sensor"] = found.cursor

        def automation() -> None:
            context = dg.build_sensor_context(
                instance=instance, cursor=cursors.get("automation"), definitions=automated
            )
            found = conditions.evaluate_tick(context)
            cursors["automation"] = found.cursor
            requests[:] = found.run_requests or []

        figures: dict[str, float] = {}
        for name, do in (("sensor", sensor), ("automation", automation)):
            figures[f"{name}, first"] = _cpu_seconds(do)
            figures[name] = statistics.median(_cpu_seconds(do) for _ in range(_TICKS))
        instance.report_runless_asset_event(dg.AssetMaterialization(image_key(1), partition="bench:vid_1"))
        figures["automation, one picture changed"] = _cpu_seconds(automation)
        figures["runs requested then"] = len(requests)
    print(json.dumps({name: round(value, 3) for name, value in figures.items()}))


def _cpu_seconds(do: Callable[[], None]) -> float:
    begun = time.process_time()
    do()
    return time.process_time() - begun


if __name__ == "__main__":
    if sys.argv[1:] == ["tick"]:
        tick()
    else:
        measure([int(count) for count in sys.argv[1:]])

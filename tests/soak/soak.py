"""One soak: rows, faults, kills, and a supervisor that starts again what has died."""

import contextlib
import json
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import psutil
import yaml
from pydantic_core import to_json

from assetgen_dagster.assets.runs import UNFINISHED
from assetgen_dagster.cli.dagster_home import open_instance
from assetgen_dagster.sensors.project_upkeep import project_upkeep
from assetgen_dagster.settings import PROJECT_ROOT, load_settings
from assetgen_emulators.gemini import GeminiEmulator
from assetgen_emulators.notion import NotionEmulator
from tests.helpers.dev import Dev, free_port
from tests.helpers.postgres import PostgresServer
from tests.helpers.services import RUNS, Kind, Services
from tests.soak.clock import ServicesClock
from tests.soak.faults import gemini_plan, notion_plan, outage_plan
from tests.soak.verdict import examine, records_of

_TRIGGER, _READY, _ERROR = "Generating Assets", "Assets Ready", "Asset Error"
_KILL_SECONDS = 20.0
_RESTART_SECONDS = 75.0
_PROGRESS_SECONDS = 5.0

#: How long everything may take to come to its end when nothing fails any more.
_CALM_SECONDS = 1200.0

#: An outage lasts longer than a picture's retries.
_OUTAGE_SECONDS = 75.0

#: How often a finished picture is ordered anew, for each row at most.
_MOST_ORDERS = 2

#: How many rows that have just become ready get their order at once, while their run is still at work; and how likely
#: an order is later, each half second.
_AT_ONCE, _LATER = 0.7, 0.01

#: How many orders are followed at once by the death of a run.
_ORDER_DIES = 0.5

#: How far the services' clocks are set back, in the middle of everything.
_SET_BACK_SECONDS = 300

#: How often a producer asks again for the same row.
_MOST_RETURNS = 20

#: How many of all kills take every process, as when the machine dies.
_MACHINE_DIES = 0.1

#: How many kills of the code server take its runs along, as when its container dies.
_CONTAINER_DIES = 0.5

_CHANNELS = ("poke1", "poke2", "poke3")
_TOPICS = (
    ("Bulbasaur forest documentary", "Show evolution through seasons"),
    ("Lapras in the arctic sea", "A mother leads her calf through the breaking ice from dawn to night"),
    ("Red foxes of the meadow", "Cubs leave the den in spring"),
    ("Sea turtles of the reef", "From the egg to the open sea"),
    ("Snow leopards in the mountains", "A hunt at dawn in winter"),
    ("Otters of the river", "A family learns to fish"),
    ("Elephants of the savanna", "The long walk to the water"),
    ("Bats of the cave", "They leave at dusk and return before dawn"),
    ("Penguins on the coast", "The storm and the day after"),
    ("Wolves of the tundra", "The pack through a year"),
    ("Crocodiles of the swamp", "Waiting for the rain"),
    ("Owls of the night forest", "A night from dusk to dawn"),
)


@dataclass(frozen=True)
class Wishes:
    """What is asked for.

    Attributes:
        seed: Decides what goes wrong when.
        minutes: Of faults and kills.
        projects: Rows on the board.
    """

    seed: int
    minutes: float
    projects: int


def commands(folder: Path, *, ui: int, code: int) -> dict[str, list[str]]:
    """Returns the services of ``deploy/compose/compose.yaml``, on this machine and on these ports."""
    composed = yaml.safe_load((PROJECT_ROOT / "deploy/compose/compose.yaml").read_text())["services"]
    workspace = (PROJECT_ROOT / "deploy/compose/workspace.yaml").read_text()
    (folder / "workspace.yaml").write_text(
        workspace.replace("host: code", "host: 127.0.0.1").replace("4000", str(code))
    )
    here = {
        "deploy/compose/workspace.yaml": str(folder / "workspace.yaml"),
        "0.0.0.0": "127.0.0.1",
        "4000": str(code),
        "3000": str(ui),
    }
    found: dict[str, list[str]] = {}
    for name in ("code", "webserver", "daemon"):
        program, *words = composed[name]["command"]
        found[name] = [str(Path(sys.executable).with_name(program)), *(here.get(word, word) for word in words)]
    return found


class Soak:
    """One soak.

    Args:
        wishes: What is asked for.
        folder: Where everything of it goes.
        postgres: Where Dagster's runs are; restarted now and then.
        gemini: Draws.
        notion: Holds the board.
    """

    def __init__(
        self, wishes: Wishes, folder: Path, postgres: PostgresServer, gemini: GeminiEmulator, notion: NotionEmulator
    ) -> None:
        self._wishes = wishes
        self._folder = folder
        self._postgres = postgres
        self._gemini = gemini
        self._notion = notion
        self._chance = random.Random(f"kills {wishes.seed}")
        ui, code = free_port(), free_port()
        self._clock = ServicesClock(folder)
        self._services = Services(folder, commands(folder, ui=ui, code=code), self._clock.environment)
        self._ui = Dev(ui)
        self._pages: dict[str, str] = {}
        self._returns: Counter[str] = Counter()
        self._orders: Counter[tuple[str, int]] = Counter()
        self._ready: set[str] = set()
        self._kills: Counter[str] = Counter()
        self._killed_calls: Counter[str] = Counter()
        self._begun = time.monotonic()
        self._told = 0.0
        self._log = (folder / "soak.log").open("w")

    def run(self) -> list[str]:
        """Returns what is not as it must be."""
        try:
            self._rage()
            settled = self._calm_down()
            self._services.stop()
            left = [f"{kind} {process.pid} is left" for process, kind in self._remaining()]
        finally:
            self._services.kill(frozenset(Kind))
            self._keep()
        verdict = examine(self._notion, self._gemini, self._pages, self._killed_calls, self._orders)
        for line in verdict.figures:
            self._say(line)
        late = [] if settled else [f"not everything came to its end within {_CALM_SECONDS:g} s of calm"]
        return [*late, *left, *verdict.violations]

    def _rage(self) -> None:
        with open_instance(load_settings()):
            pass  # it makes the tables, before three services would at once
        self._gemini.set_latency(1.0)
        self._gemini.plan(gemini_plan(self._wishes.seed))
        self._notion.plan(notion_plan(self._wishes.seed))
        for number in range(self._wishes.projects):
            topic, story = _TOPICS[number % len(_TOPICS)]
            row = {"Channel": _CHANNELS[number % 3], "Project ID": f"vid_{number + 1:02d}", "Status": _TRIGGER}
            page = self._notion.add_row(
                row | {"Topic": f"{topic}, part {number // len(_TOPICS) + 1}", "Story Direction": story}
            )
            self._pages[f"{row['Channel']}:{row['Project ID']}"] = page
        end = self._begun + 60 * self._wishes.minutes
        next_kill, next_restart = self._begun + _KILL_SECONDS, self._begun + _RESTART_SECONDS
        outage = self._begun + 60 * self._wishes.minutes * self._chance.uniform(0.2, 0.4)
        set_back = self._begun + 60 * self._wishes.minutes * self._chance.uniform(0.3, 0.6)
        outages = [(outage, outage_plan()), (outage + _OUTAGE_SECONDS, gemini_plan(self._wishes.seed + 1))]
        while time.monotonic() < end and not (self._all_ready() and self._at_rest()):
            self._look()
            self._order()
            if outages and time.monotonic() > outages[0][0]:
                self._gemini.plan(outages.pop(0)[1])
                self._note("an outage begins" if outages else "the outage is over")
            if time.monotonic() > set_back and self._clock.can_be_set and not self._clock.offset_seconds:
                self._clock.set(-_SET_BACK_SECONDS)
                self._note("the services' clocks are set back")
            if time.monotonic() > next_kill:
                self._kill()
                next_kill = time.monotonic() + _KILL_SECONDS
            if time.monotonic() > next_restart:
                self._restart_postgres()
                next_restart = time.monotonic() + self._chance.uniform(0.5, 1.5) * _RESTART_SECONDS
            time.sleep(0.5)

    def _calm_down(self) -> bool:
        """Ends all faults and waits for everything to come to its end; returns whether it did."""
        self._say("The faults are over.")
        self._gemini.plan([])
        self._notion.plan([])
        deadline = time.monotonic() + _CALM_SECONDS
        resting_since: float | None = None
        while time.monotonic() < deadline:
            looked = resting_since is not None and self._upkeep_has_looked(resting_since)
            if not (self._all_ready() and self._at_rest()):
                resting_since = None
            elif looked:
                return True
            elif resting_since is None:
                resting_since = time.time() + self._clock.offset_seconds
            self._look()
            self._order(calm=True)
            time.sleep(0.5)
        return False

    def _look(self) -> None:
        """Does what supervisor and producers do, and says how things are."""
        self._services.start()
        for key, page in self._pages.items():
            row = self._notion.row(page)
            if row["Status"] == _ERROR and self._returns[key] < _MOST_RETURNS:
                self._returns[key] += 1
                self._note(f"{key} is asked for again: {row['Error Log'][:300]}")
                self._notion.set_status(page, _TRIGGER)
        if time.monotonic() - self._told > _PROGRESS_SECONDS:
            self._told = time.monotonic()
            self._say(self._progress())

    def _order(self, *, calm: bool = False) -> None:
        """Orders a picture of a finished row anew, often in the moment in which it becomes ready."""
        for key, page in self._pages.items():
            if self._notion.row(page)["Status"] != _READY:
                self._ready.discard(key)
                continue
            just_now = key not in self._ready
            self._ready.add(key)
            ordered = sum(count for (one, _), count in self._orders.items() if one == key)
            likely = _AT_ONCE if just_now else 0.0 if calm else _LATER
            if ordered >= _MOST_ORDERS or self._chance.random() > likely:
                continue
            number = self._chance.randint(1, 22)
            self._orders[key, number] += 1
            self._note(f"{key}: picture {number} is ordered anew{', at once' if just_now else ''}")
            self._notion.set_value(page, "Redraw", str(number))
            self._notion.set_status(page, _TRIGGER)
            if self._chance.random() < _ORDER_DIES:
                runs = [process for process, kind in self._services.processes() if kind is Kind.RUN]
                if runs:
                    self._end(self._chance.choice(runs), Kind.RUN)

    def _progress(self) -> str:
        states = Counter(self._notion.row(page)["Status"] for page in self._pages.values())
        pictures = len(list((self._folder / "workspace").glob("channels/*/projects/*/assets/*/*.png")))
        rows = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
        kills = ", ".join(f"{count} {kind}" for kind, count in sorted(self._kills.items())) or "none"
        return (
            f"{rows}; {pictures} of {22 * len(self._pages)} pictures, {len(self._gemini.journal())} calls; "
            f"killed: {kills}; services started {self._services.starts} times, rows set back {self._returns.total()}, "
            f"pictures ordered anew {self._orders.total()}"
        )

    def _kill(self) -> None:
        found = [(process, kind) for process, kind in self._services.processes() if kind is not Kind.HELPER]
        if self._chance.random() < _MACHINE_DIES:
            self._kill_with_runs("everything", frozenset(Kind))
            return
        if not self._ui.ready():  # services that are killed while they start would never be there
            found = [(process, kind) for process, kind in found if kind in (Kind.SCRIPT, Kind.RUN)]
        if not found:
            return
        chosen = self._chance.choice(sorted({kind for _, kind in found}))
        process = self._chance.choice([process for process, kind in found if kind is chosen])
        if chosen is Kind.CODE and self._chance.random() < _CONTAINER_DIES:
            self._kill_with_runs("code server and runs", RUNS | {Kind.CODE})
            return
        if chosen is Kind.SCRIPT:
            self._count(process)
        self._end(process, chosen)

    def _end(self, process: psutil.Process, kind: Kind) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            self._note(f"kills {kind} {process.pid}")
            process.kill()
            self._kills[kind] += 1

    def _kill_with_runs(self, name: str, kinds: frozenset[Kind]) -> None:
        self._kills[name] += 1
        self._note(f"kills {name}")
        self._services.kill(kinds)
        for key in self._pages:
            self._killed_calls[key] += len(records_of(key).intents)

    def _count(self, script: psutil.Process) -> None:
        """Remembers whose script is killed: its call may be listed, though it never arrived."""
        with contextlib.suppress(psutil.Error):
            words = " ".join(script.cmdline())
            for key in self._pages:
                self._killed_calls[key] += f"/{key.replace(':', '/projects/')}/" in words

    def _restart_postgres(self) -> None:
        kill = self._chance.random() < 0.5
        self._kills["PostgreSQL"] += 1
        self._note(f"restarts PostgreSQL, {'as after a loss of power' if kill else 'in order'}")
        self._postgres.stop(kill=kill)
        time.sleep(self._chance.uniform(0, 4))
        self._postgres.start()

    def _all_ready(self) -> bool:
        return all(self._notion.row(page)["Status"] == _READY for page in self._pages.values())

    def _at_rest(self) -> bool:
        """Whether no run is under way, in Dagster's books or on the machine."""
        if any(kind in (Kind.RUN, Kind.SCRIPT) for _, kind in self._services.processes()):
            return False
        with open_instance(load_settings()) as instance:
            return not instance.get_runs_count(dg.RunsFilter(statuses=list(UNFINISHED)))

    @staticmethod
    def _upkeep_has_looked(moment: float) -> bool:
        """Whether ``project_upkeep``, which may have projects summed up, began a look after a moment and ended it."""
        with open_instance(load_settings()) as instance:
            for state in instance.all_instigator_state():
                if state.instigator_name == project_upkeep.name:
                    ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id, after=moment)
                    if any(tick.status.value in ("SUCCESS", "SKIPPED") for tick in ticks):
                        return True
        return False

    def _remaining(self) -> list[tuple[psutil.Process, Kind]]:
        """Returns what is left after the services were ended, and had the time to end."""
        deadline = time.monotonic() + 30
        while (left := list(self._services.processes())) and time.monotonic() < deadline:
            time.sleep(0.5)
        return left

    def _keep(self) -> None:
        """Writes down all that only this process knows."""
        (self._folder / "gemini.json").write_bytes(to_json(self._gemini.journal(), indent=1))
        (self._folder / "notion.json").write_bytes(to_json(self._notion.journal(), indent=1))
        with open_instance(load_settings()) as instance:
            runs = [
                {
                    "run": record.dagster_run.run_id,
                    "status": record.dagster_run.status.value,
                    "tags": dict(record.dagster_run.tags),
                    "created": str(record.create_timestamp),
                    "started": record.start_time,
                    "ended": record.end_time,
                    "log": [
                        [entry.timestamp, entry.message or str(entry.dagster_event)]
                        for entry in instance.all_logs(record.dagster_run.run_id)
                    ],
                }
                for record in instance.get_run_records()
            ]
        (self._folder / "runs.json").write_text(json.dumps(runs, indent=1))
        self._log.flush()

    def _say(self, text: str) -> None:
        print(f"{time.monotonic() - self._begun:5.0f} s  {text}", flush=True)
        self._note(text)

    def _note(self, text: str) -> None:
        self._log.write(f"{time.strftime('%H:%M:%S')} {time.time():.1f} {text}\n")
        self._log.flush()

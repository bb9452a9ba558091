"""A provider of another API: what the protocol asks of it is enough to draw a project."""

import json
import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import ClassVar, Self

import pytest

from assetgen_dagster.budget.stores import open_switches
from assetgen_dagster.budget.switches import note_used_up, quota_key, stopped
from assetgen_dagster.cli.planning import as_json, make_plan
from assetgen_dagster.errors import Code
from assetgen_dagster.project.records import CostSource
from assetgen_dagster.providers import registry
from assetgen_dagster.providers.base import ImageProvider
from assetgen_dagster.providers.cli_script import CLIScriptError
from assetgen_dagster.providers.failures import Failure
from assetgen_dagster.providers.gemini.provider import GeminiProvider
from assetgen_dagster.providers.script_failures import classify_end
from assetgen_dagster.providers.script_report import ScriptFailure, ScriptReport
from assetgen_dagster.settings import Settings
from assetgen_emulators.gemini import GeminiEmulator
from tests.helpers.harness import Core, manifest_of, write_project

#: The API of Kite says what it does not draw with a status of its own, and what a picture costs not at all.
KITE_SCRIPT = """\
import json, os, sys
from pathlib import Path
from PIL import Image

prompt, output = (argument.partition("=")[2] for argument in sys.argv[1:3])
assert os.environ["KITE_KEY"] == "kite-key"
with Path(__file__).with_name("calls").open("a") as calls:
    calls.write(os.environ["KITE_SHAPE"] + "\\n")
if prompt.endswith("Forbidden"):
    print(json.dumps({"error": {"kind": "http", "http_status": 451, "message": "Kite says no"}}), file=sys.stderr)
    sys.exit(1)
Image.new("RGB", (1440, 600), "blue").save(output, "PNG")
"""
PRICE_USD = 0.05


def read_kite(failure: ScriptFailure, cause: str) -> Failure:
    """What an error status of Kite means."""
    assert failure.http_status == 451
    return Failure(Code.REFUSED, cause, "Ask for a kite")


@dataclass(frozen=True)
class Kite:
    settings: Settings

    name: ClassVar[str] = "Kite"
    checkable: ClassVar[bool] = False
    home: ClassVar[Path]

    model = "kite-1"
    account = "kite-key"
    configuration = ("kite-key", "kite-1")
    ratios = ("12:5",)

    @classmethod
    def chosen_by(cls, settings: Settings) -> Self | None:
        return cls(settings)

    @property
    def script(self) -> Path:
        return self.home / "kite.py"

    def check(self, *, seconds: float, calls: bool = False) -> Failure | None:
        raise NotImplementedError

    def model_note(self, today: date) -> str:
        return ""

    def quota_renewed_at(self, moment: float) -> float:
        return moment + 60

    def environment(self, aspect_ratio: str) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "KITE_KEY": self.account, "KITE_SHAPE": aspect_ratio}

    def setting_failure(self) -> Failure | None:
        return None

    async def takes_references(self) -> bool:
        return False

    def list_price(self, prompt: str, *, references: int) -> float | None:
        return PRICE_USD

    def reserved_usd(self) -> float:
        return PRICE_USD

    def call_cost(self, report: ScriptReport, *, model: str, drawn: bool | None) -> float | None:
        return PRICE_USD if drawn else None

    def classify(self, error: CLIScriptError, report: ScriptReport, *, model: str) -> Failure:
        return classify_end(error, report, read_api=read_kite)


@pytest.fixture
def kite(core: Core, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ImageProvider:
    monkeypatch.setattr(registry, "IMAGE_PROVIDERS", [Kite, *registry.IMAGE_PROVIDERS])
    monkeypatch.setenv("GEMINI_ASPECT_RATIO", "24:10")
    monkeypatch.setattr(Kite, "home", tmp_path, raising=False)
    (tmp_path / "kite.py").write_text(KITE_SCRIPT)
    return registry.provider_of(core.settings)


def test_a_project_is_drawn_by_another_provider_with_its_model_price_ratio_and_errors(
    core: Core, kite: ImageProvider, gemini: GeminiEmulator
) -> None:
    core.manifest = manifest_of(3, picture_03="Forbidden")
    drawing = core.draw()
    assert (drawing.summary.generated, gemini.journal()) == (2, [])
    assert [failed.failure.code for failed in drawing.failed()] == [Code.REFUSED]
    assert kite.script.with_name("calls").read_text().split() == ["12:5"] * 3
    record = core.records.pictures["picture_01"]
    assert record.inputs is not None
    assert (record.model, record.inputs.aspect_ratio, record.cost_source) == ("kite-1", "12:5", CostSource.USAGE)
    assert core.confirmed_usd() == pytest.approx(2 * PRICE_USD)


def test_a_plan_knows_another_providers_model_price_and_reservation(core: Core, kite: ImageProvider) -> None:
    write_project(core.settings.workspace, core.manifest, str(core.key))
    plan = json.loads(as_json(make_plan(core.key, core.settings)))
    assert (plan["model"], plan["list_price_usd"]) == ("kite-1", pytest.approx(3 * PRICE_USD))


def test_a_picture_that_another_provider_may_have_drawn_is_listed_at_its_price(core: Core, kite: ImageProvider) -> None:
    kite.script.write_text("import os; os.kill(os.getpid(), 9)")
    core.manifest = manifest_of(1)
    core.draw()
    assert core.confirmed_usd() == 0
    assert core.possibly_billed_usd() == pytest.approx(PRICE_USD)


def test_a_daily_quota_holds_its_own_provider_only_and_as_long_as_that_says(core: Core, kite: ImageProvider) -> None:
    switches, gemini = open_switches(core.settings), GeminiProvider(core.settings)
    assert note_used_up(switches, kite, now=1000.0).until == 1060.0
    assert stopped(switches.read(), quota_key(kite), now=1059.0).used_up is not None
    assert stopped(switches.read(), quota_key(kite), now=1061.0).used_up is None
    assert stopped(switches.read(), quota_key(gemini), now=1059.0).used_up is None

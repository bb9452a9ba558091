"""Plans of faults: what is written as JSON is read again, and a slip in one is an error."""

import dataclasses
from types import ModuleType
from typing import Any, get_args

import pytest

from assetgen_emulators.core.faults import faults_to_json
from assetgen_emulators.gemini import faults as gemini_faults
from assetgen_emulators.notion import faults as notion_faults

EMULATORS = [gemini_faults, notion_faults]

#: What an action cannot do without.
NEEDED: dict[str, Any] = {"status": 503, "seconds": 1.5, "flaw": "short"}

#: With all there is to say.
FULL = {
    gemini_faults: gemini_faults.ApiError(503, "UNAVAILABLE", "busy", {"Retry-After": "1"}, 2.5, "REASON", "QUOTA"),
    notion_faults: notion_faults.ApiError(503, "x", "y", "1", {"a": 1}, saved=True),
}


def usual(kind: Any) -> Any:
    """Returns an action of this kind that is given no more than it needs."""
    fields = [field for field in dataclasses.fields(kind) if field.default is field.default_factory]
    return kind(**{field.name: NEEDED[field.name] for field in fields})


@pytest.mark.parametrize("faults", EMULATORS)
def test_every_fault_can_be_written_as_json_and_read_again(faults: ModuleType) -> None:
    actions = [*map(usual, get_args(faults.AnyAction)), FULL[faults]]
    plan = [faults.Fault(action, nth=3, after=2, times=None) for action in actions]
    assert faults.faults_from_json(faults_to_json(plan)) == plan


@pytest.mark.parametrize("faults", EMULATORS)
@pytest.mark.parametrize(
    "plan", ['[{"action": {"kind": "earthquake"}}]', '[{"action": {"kind": "hang"}, "nht": 3}]', "{}"]
)
def test_a_plan_with_a_mistake_is_refused(faults: ModuleType, plan: str) -> None:
    with pytest.raises(ValueError, match="validation error"):
        faults.faults_from_json(plan)

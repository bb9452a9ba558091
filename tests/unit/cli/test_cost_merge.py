"""Each call is counted once, whichever of records and Dagster's events know it."""

import pytest

from assetgen_dagster.cli.cost_merge import Found, Recorded, merge
from assetgen_dagster.cli.cost_report import Cost


def cost(usd: float, *tokens: str, perhaps: float = 0.0, at: float = 100.0) -> Cost:
    return Cost(at, "poke1", "vid_1", "painter", usd, perhaps, tokens)


def reported(one: Cost) -> Recorded:
    return Recorded(one, reported=True)


def pending(one: Cost) -> Recorded:
    return Recorded(one, reported=False)


A, B, LOST = cost(0.3, "a"), cost(0.2, "b"), cost(0.0, "c", perhaps=0.1)


@pytest.mark.parametrize(
    ("recorded", "events", "spent", "perhaps", "lost", "unreported"),
    [
        pytest.param([], [cost(0.3, "a")], 0.3, 0, [], [], id="a project without records"),
        pytest.param([], [cost(0.3)], 0.3, 0, [], [], id="an event that names no call"),
        pytest.param([reported(A)], [cost(0.3, "a")], 0.3, 0, [], [], id="known from both"),
        pytest.param([reported(A), reported(B)], [cost(0.5, "a", "b")], 0.5, 0, [], [], id="one event for two calls"),
        pytest.param([reported(A), reported(B)], [cost(0.3, "a")], 0.5, 0, [B], [], id="an event is gone"),
        pytest.param([reported(A), reported(LOST)], [], 0.3, 0.1, [A, LOST], [], id="the history is gone"),
        pytest.param([pending(A)], [], 0.3, 0, [], [A], id="not reported yet"),
        pytest.param([pending(A)], [cost(0.3, "a")], 0.3, 0, [], [], id="reported, the mark is missing"),
        pytest.param([reported(A)], [cost(0.5, "a", "b")], 0.5, 0, [], [], id="older records were restored"),
        pytest.param([reported(LOST)], [cost(0.0, "c", perhaps=0.1)], 0, 0.1, [], [], id="possibly billed"),
        pytest.param([reported(cost(0.0, "d"))], [], 0, 0, [], [], id="a call that cost nothing"),
    ],
)
def test_each_call_is_counted_once(
    recorded: list[Recorded],
    events: list[Cost],
    spent: float,
    perhaps: float,
    lost: list[Cost],
    unreported: list[Cost],
) -> None:
    found = merge(recorded, events)
    assert sum(one.cost_usd for one in found.costs) == pytest.approx(spent)
    assert sum(one.possibly_billed_usd for one in found.costs) == pytest.approx(perhaps)
    assert (list(found.lost), list(found.unreported)) == (lost, unreported)
    assert len(found.notes()) == bool(lost) + bool(unreported)


def test_a_call_belongs_to_the_month_in_which_it_was_made_however_late_it_was_reported() -> None:
    recorded, events = [reported(cost(0.3, "a", at=99))], [cost(0.3, "a", at=101), cost(0.2, "x", at=101)]
    first = merge(recorded, events, wanted=lambda one: one.at < 100)
    second = merge(recorded, events, wanted=lambda one: one.at >= 100)
    assert ([one.cost_usd for one in first.costs], first.notes()) == ([0.3], [])
    assert ([one.cost_usd for one in second.costs], second.notes()) == ([0.2], [])


def test_a_note_names_the_projects_and_not_all_of_very_many() -> None:
    many = [Cost(1, "sea", f"vid_{number}", "", 0.01, 0, (str(number),)) for number in range(8)]
    [note] = Found(many, lost=many).notes()
    assert "$0.0800" in note
    assert "sea:vid_4 and 3 more" in note

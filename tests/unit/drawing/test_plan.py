from itertools import product

import pytest

from assetgen_dagster.drawing.plan import (
    Action,
    FileState,
    Mode,
    ReferenceState,
    Request,
    assign_numbers,
    changed_inputs,
    decide,
    starts_new_round,
)
from assetgen_dagster.manifest.model import AssetManifest
from assetgen_dagster.project.records import Inputs, PictureFacts, PictureRecord, Reference, Round
from tests.helpers.harness import manifest_of

INPUTS = Inputs(prompt_sha256="p1", model="m1", aspect_ratio="16:9")
FACTS = PictureFacts(sha256="drawn", width=1344, height=768, size_bytes=1, flat=False)
SAME, OTHER, BROKEN, NONE = (
    FileState("drawn", True),
    FileState("other", True),
    FileState("x", False),
    FileState(None, False),
)


def record(*, round_number: int = 1, drawn_at: float | None = 100.0, inputs: Inputs | None = INPUTS) -> PictureRecord:
    return PictureRecord(path="p.png", facts=FACTS, round=round_number, inputs=inputs, drawn_at=drawn_at)


def ask(mode: Mode = Mode.AUTO, at: float | None = 200.0, numbers: set[int] | None = None, run: str = "b") -> Request:
    return Request(run, at, mode, frozenset(numbers) if numbers is not None else None)


def decision(
    found: PictureRecord | None, file: FileState, request: Request, *, now: Inputs = INPUTS, round_number: int = 1
) -> Action:
    return decide(record=found, file=file, inputs=now, round_number=round_number, request=request, number=5).action


OPEN = Round(number=1, request_id="a", opened_at=100.0)
CLOSED = OPEN.model_copy(update={"closed_at": 150.0})


@pytest.mark.parametrize(
    ("last", "request_", "begins"),
    [
        (None, ask(), True),
        (None, ask(Mode.RESUME), True),
        (None, ask(numbers={5}), True),
        (OPEN, ask(), False),
        (OPEN, ask(Mode.RESUME), False),
        (OPEN, ask(Mode.REGENERATE), True),
        (OPEN, ask(Mode.REGENERATE, at=90.0), False),
        (OPEN, ask(Mode.REGENERATE, run="a"), False),
        (OPEN, ask(Mode.REGENERATE, at=None), False),
        (OPEN, ask(numbers={5}), False),
        (CLOSED, ask(), True),
        (CLOSED, ask(at=149.0), False),
        (CLOSED, ask(at=None), False),
        (CLOSED, ask(run="a"), False),
        (CLOSED, ask(Mode.RESUME), False),
        (CLOSED, ask(Mode.REGENERATE), True),
        (CLOSED, ask(Mode.REGENERATE, at=99.0), False),
        (CLOSED, ask(Mode.REGENERATE, numbers={5}), False),
        (CLOSED, ask(numbers={5}), False),
    ],
)
def test_a_round_begins_only_for_a_request_that_no_round_has_served(
    last: Round | None, request_: Request, begins: bool
) -> None:
    assert starts_new_round(last, request_) is begins


#: In the order of their creation; three runs that a round, a picture or a request may be dated by.
POSITIONS = {"before": 1, "then": 2, "after": 3}


def ask_as(run: str, at: float | None, mode: Mode = Mode.AUTO, numbers: set[int] | None = None) -> Request:
    """Returns the request of one of ``POSITIONS``, made at a time by the database's clock."""
    return Request(run, at, mode, None if numbers is None else frozenset(numbers), position_of=POSITIONS.get)


#: As if the machine's clock was behind the database's, or ahead of it, by more than a round takes.
BEHIND, AHEAD = 10_000.0, 10.0


@pytest.mark.parametrize("at", [BEHIND, AHEAD])
@pytest.mark.parametrize(
    ("run", "mode", "begins"),
    [
        ("before", Mode.AUTO, False),
        ("then", Mode.AUTO, False),  # a double click: the newest run when the round was closed
        ("after", Mode.AUTO, True),
        ("before", Mode.REGENERATE, False),
        ("then", Mode.REGENERATE, False),
        ("after", Mode.REGENERATE, True),
        ("after", Mode.RESUME, False),
    ],
)
def test_the_order_of_runs_decides_on_a_round_and_no_clock(at: float, run: str, mode: Mode, begins: bool) -> None:
    newest = {"opened_newest_run": "then", "closed_newest_run": "then"}
    assert starts_new_round(CLOSED.model_copy(update=newest), ask_as(run, at, mode)) is begins
    if mode is Mode.REGENERATE:
        assert starts_new_round(OPEN.model_copy(update=newest), ask_as(run, at, mode)) is begins


@pytest.mark.parametrize("at", [BEHIND, AHEAD])
@pytest.mark.parametrize(("run", "action"), [("before", Action.KEEP), ("then", Action.KEEP), ("after", Action.DRAW)])
def test_the_order_of_runs_decides_on_a_picture_and_no_clock(at: float, run: str, action: Action) -> None:
    found = record().model_copy(update={"drawn_newest_run": "then"})
    assert decision(found, SAME, ask_as(run, at, numbers={5})) is action


@pytest.mark.parametrize(("run", "newest"), [("elsewhere", "then"), ("after", "deleted"), ("after", None)])
def test_where_the_order_of_runs_is_not_known_clocks_decide(run: str, newest: str | None) -> None:
    closed = CLOSED.model_copy(update={"closed_newest_run": newest})
    found = record().model_copy(update={"drawn_newest_run": newest})
    for at, later in ((BEHIND, True), (AHEAD, False)):
        assert starts_new_round(closed, ask_as(run, at)) is later
        assert (decision(found, SAME, ask_as(run, at, numbers={5})) is Action.DRAW) is later


def test_a_request_whose_first_run_was_deleted_draws_nothing_again_whatever_the_order_says() -> None:
    closed = CLOSED.model_copy(update={"closed_newest_run": "then"})
    assert not starts_new_round(closed, ask_as("after", None))


@pytest.mark.parametrize(
    ("found", "file", "request_", "action"),
    [
        (record(), SAME, ask(), Action.KEEP),
        (record(), NONE, ask(), Action.DRAW),
        (record(), OTHER, ask(), Action.KEEP),
        (record(), BROKEN, ask(), Action.DRAW),
        (None, NONE, ask(), Action.DRAW),
        (None, OTHER, ask(), Action.ADOPT),
        (None, BROKEN, ask(), Action.DRAW),
        (None, OTHER, ask(Mode.REGENERATE), Action.DRAW),
        (record(), SAME, ask(numbers={5}), Action.DRAW),
        (record(), OTHER, ask(numbers={5}), Action.DRAW),
        (record(), SAME, ask(numbers={4}), Action.KEEP),
        (record(), SAME, ask(Mode.RESUME, numbers={5}), Action.KEEP),
        (record(drawn_at=300.0), SAME, ask(numbers={5}), Action.KEEP),  # a double click on a re-roll
        (record(drawn_at=None), SAME, ask(numbers={5}), Action.DRAW),
        (record(), SAME, ask(at=None, numbers={5}), Action.KEEP),
    ],
)
def test_each_picture_is_drawn_or_kept_as_the_design_says(
    found: PictureRecord | None, file: FileState, request_: Request, action: Action
) -> None:
    assert decision(found, file, request_) is action


def test_a_new_round_draws_everything_again_but_what_was_retouched_by_hand() -> None:
    assert decision(record(), SAME, ask(), round_number=2) is Action.DRAW
    assert decision(record(), OTHER, ask(), round_number=2) is Action.KEEP


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"prompt_sha256": "p2"}, "prompt"),
        ({"model": "m2"}, "model"),
        ({"aspect_ratio": "1:1"}, "aspect ratio"),
    ],
)
def test_what_a_picture_is_drawn_from_decides_whether_it_is_out_of_date(change: dict[str, object], named: str) -> None:
    now = INPUTS.model_copy(update=change)
    assert changed_inputs(INPUTS, now) == [named]
    assert decision(record(), SAME, ask(), now=now) is Action.DRAW
    assert decision(record(inputs=None), SAME, ask(), now=now) is Action.KEEP


FOX = ReferenceState("fox", "f1")
WITH_FOX = INPUTS.model_copy(update={"references": (Reference(name="fox", sha256="f1"),)})


@pytest.mark.parametrize(
    ("now", "mode", "action", "reason"),
    [
        ([FOX], Mode.AUTO, Action.KEEP, "done"),
        (None, Mode.RESUME, Action.KEEP, "done"),  # the script takes none: nothing would change by drawing
        ([], Mode.AUTO, Action.DRAW, "references changed"),
        ([FOX, ReferenceState("owl", "o1")], Mode.AUTO, Action.DRAW, "references changed"),
        ([ReferenceState("owl", "f1")], Mode.AUTO, Action.DRAW, "references changed"),
        ([ReferenceState("fox", "f2")], Mode.AUTO, Action.DRAW, "reference fox changed"),
        ([ReferenceState("fox", None)], Mode.RESUME, Action.KEEP, "done"),  # not there, and not drawn: no other one
        ([ReferenceState("fox", None, drawn_first=True)], Mode.AUTO, Action.DRAW, "reference fox is drawn anew"),
        ([ReferenceState("fox", "f2", by_hand=True)], Mode.RESUME, Action.DRAW, "reference fox changed"),
        (
            [ReferenceState("fox", "f2", by_hand=True)],
            Mode.AUTO,
            Action.KEEP,
            "done; reference fox changed by hand: mode resume draws it anew",
        ),
    ],
)
def test_a_picture_is_out_of_date_when_a_picture_that_it_refers_to_is_another(
    now: list[ReferenceState] | None, mode: Mode, action: Action, reason: str
) -> None:
    step = decide(
        record=record(inputs=WITH_FOX), file=SAME, inputs=INPUTS, round_number=1, request=ask(mode), number=5,
        references=now,
    )  # fmt: skip
    assert (step.action, step.reason) == (action, reason)


@pytest.mark.parametrize(
    ("file", "inputs", "references", "request_", "action"),
    [
        (NONE, INPUTS, [FOX], ask(), Action.RESTORE),
        (SAME, INPUTS, [FOX], ask(), Action.RESTORE),  # a process died while it was put back
        (NONE, INPUTS, None, ask(Mode.RESUME), Action.RESTORE),
        (OTHER, INPUTS, [FOX], ask(), Action.ADOPT),
        (NONE, INPUTS.model_copy(update={"model": "m2"}), [FOX], ask(), Action.DRAW),
        (NONE, INPUTS, [ReferenceState("fox", "f2")], ask(), Action.DRAW),
        (NONE, INPUTS, [FOX], ask(numbers={5}), Action.DRAW),
    ],
)
def test_a_picture_that_returns_to_the_manifest_is_brought_back_if_it_would_be_drawn_from_the_same(
    file: FileState, inputs: Inputs, references: list[ReferenceState] | None, request_: Request, action: Action
) -> None:
    step = decide(
        record=None, file=file, inputs=inputs, round_number=3, request=request_, number=5, references=references,
        retired=record(inputs=WITH_FOX),
    )  # fmt: skip
    assert step.action is action


def test_no_combination_draws_a_finished_picture_for_a_request_without_a_time() -> None:
    for mode, numbers, file in product(Mode, (None, {5}, {4}), (SAME, OTHER)):
        assert decision(record(), file, ask(mode, at=None, numbers=numbers)) is Action.KEEP


def test_numbers_follow_characters_environments_props_in_manifest_order() -> None:
    shuffled = AssetManifest(global_atmosphere="", assets=tuple(reversed(manifest_of(22).assets)))
    numbers = assign_numbers(shuffled, {}, slots=22)
    assert list(numbers)[:2] == ["picture_08", "picture_07"]
    assert list(numbers)[8] == "picture_17"
    assert list(numbers.values()) == list(range(1, 23))


def test_a_picture_keeps_its_number_and_a_new_one_takes_the_lowest_free() -> None:
    before = assign_numbers(manifest_of(5), {}, slots=22)
    assets = list(manifest_of(5).assets)
    del assets[1]
    assets.insert(0, assets[0].model_copy(update={"name": "newcomer"}))
    assets.append(assets[0].model_copy(update={"name": "latecomer"}))
    after = assign_numbers(AssetManifest(global_atmosphere="", assets=tuple(assets)), before, slots=22)
    assert after == {
        "picture_01": 1, "newcomer": 2, "picture_03": 3, "picture_04": 4, "picture_05": 5, "latecomer": 6,
    }  # fmt: skip


def test_a_number_beyond_the_slots_is_given_up() -> None:
    assert assign_numbers(manifest_of(1), {"picture_01": 30}, slots=22) == {"picture_01": 1}


def test_a_step_says_whether_it_was_asked_for_by_name_or_keeps_a_retouched_file() -> None:
    def step(file: FileState, request: Request, *, redraw: bool = False) -> tuple[Action, bool, bool]:
        found = decide(
            record=record(), file=file, inputs=INPUTS, round_number=1, request=request, number=5, redraw=redraw
        )
        assert found.reason
        return found.action, found.by_name, found.retouched

    assert step(SAME, ask(numbers={5})) == (Action.DRAW, True, False)
    assert step(SAME, ask(Mode.RESUME), redraw=True) == (Action.DRAW, True, False)
    assert step(OTHER, ask(Mode.RESUME)) == (Action.KEEP, False, True)
    assert step(SAME, ask(Mode.RESUME)) == (Action.KEEP, False, False)


def test_the_highest_number_is_the_number_of_slots() -> None:
    assert assign_numbers(manifest_of(2), {"picture_01": 3}, slots=3) == {"picture_02": 1, "picture_01": 3}
    assert assign_numbers(manifest_of(2), {"picture_01": 4}, slots=3) == {"picture_01": 1, "picture_02": 2}


def test_a_picture_from_the_moment_of_the_request_is_not_drawn_again_for_it() -> None:
    assert decision(record(drawn_at=200.0), SAME, ask(at=200.0, numbers={5})) is Action.KEEP
    assert decision(record(drawn_at=199.0), SAME, ask(at=200.0, numbers={5})) is Action.DRAW


def test_each_reason_for_a_step_is_another() -> None:
    def reason(found: PictureRecord | None, file: FileState, request: Request, **more: object) -> str:
        return decide(
            record=found,
            file=file,
            inputs=INPUTS,
            round_number=2,
            request=request,
            number=5,
            **more,  # type: ignore[arg-type]
        ).reason

    before = record(inputs=WITH_FOX)
    changed = INPUTS.model_copy(update={"model": "m2"})
    reasons = [
        reason(record(), SAME, ask(numbers={5})),
        reason(None, NONE, ask()),
        reason(record(), NONE, ask()),
        reason(None, SAME, ask()),
        reason(None, BROKEN, ask()),
        reason(record(), OTHER, ask(Mode.RESUME)),
        reason(record(), BROKEN, ask(Mode.RESUME)),
        reason(record(), SAME, ask()),
        reason(None, NONE, ask(), retired=before, references=[FOX]),
        reason(None, NONE, ask(), retired=before.model_copy(update={"inputs": changed}), references=[FOX]),
    ]
    assert len({*reasons}) == len(reasons)
    assert all(reasons)


@pytest.mark.parametrize("known", [22, 23])
def test_numbers_stay_within_the_slots(known: int) -> None:
    assert assign_numbers(manifest_of(1), {"picture_01": known}, slots=22) == {"picture_01": 22 if known == 22 else 1}

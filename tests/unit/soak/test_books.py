"""The soak's books find what they are there to find."""

import hashlib
from typing import Any

from assetgen_dagster.project.records import (
    CostSource,
    Inputs,
    PictureFacts,
    PictureRecord,
    ProjectRecords,
    Spend,
    SpendKind,
)
from assetgen_emulators.gemini.journal import Call
from tests.soak.books import Books, compare

PROMPT = "An owl at dusk"
HASH = hashlib.sha256(PROMPT.encode()).hexdigest()


def call(outcome: str = "ok", usd: float = 0.0336) -> Call:
    asked: dict[str, Any] = {
        "model": "m",
        "prompt": PROMPT,
        "prompt_sha256": HASH,
        "aspect_ratio": "16:9",
        "reference_images": 0,
    }
    return Call(number=1, arrived_at=0.0, outcome=outcome, target="/", billed_usd=usd, **asked)


def books(calls: list[Call], *spends: tuple[SpendKind, float], killed: int = 0, orders: int = 0) -> Books:
    facts = PictureFacts(sha256="", width=1, height=1, size_bytes=1, flat=False)
    drawn_from = Inputs(prompt_sha256=HASH, model="m", aspect_ratio="16:9")
    owl = PictureRecord(path="owl.png", facts=facts, round=1, inputs=drawn_from)
    records = ProjectRecords(pictures={"owl": owl}, numbers={"owl": 1})
    for number, (kind, usd) in enumerate(spends):
        about: dict[str, Any] = {
            "name": "owl",
            "number": 1,
            "cost_source": CostSource.USAGE,
            "model": "m",
            "run_id": "r",
            "at": 0.0,
        }
        records.spends.append(Spend(token=str(number), kind=kind, cost_usd=usd, **about))
    return compare([*calls], {"poke1:vid_1": records}, {"poke1:vid_1": killed}, {("poke1:vid_1", 1): orders})


CONFIRMED, LISTED = (SpendKind.CONFIRMED, 0.0336), (SpendKind.POSSIBLY_BILLED, 0.0338)


def test_a_picture_that_was_lost_once_and_then_received_is_as_it_must_be() -> None:
    found = books([call("torn_body"), call()], LISTED, CONFIRMED)
    assert found.violations == []
    assert (found.billed_usd, found.confirmed_usd, found.lost_usd) == (0.0672, 0.0336, 0.0336)


def test_what_is_billed_and_stands_nowhere_is_found() -> None:
    assert "2 answers were lost" in books([call(), call(), call()], LISTED, CONFIRMED).violations[0]


def test_a_picture_that_was_received_twice_is_found_and_one_that_was_broken_is_not_counted() -> None:
    assert "2 pictures were paid for" in books([call(), call()], CONFIRMED, CONFIRMED).violations[0]
    assert books([call("half_png"), call()], CONFIRMED, CONFIRMED).violations == []


def test_an_order_that_was_not_carried_out_is_found_and_one_that_was_is_as_it_must_be() -> None:
    assert books([call(), call()], CONFIRMED, CONFIRMED, orders=1).violations == []
    assert "2 were ordered" in books([call()], CONFIRMED, orders=1).violations[0]


def test_what_is_booked_and_was_not_billed_is_found() -> None:
    assert "were booked and not billed" in books([], CONFIRMED).violations[0]


def test_a_call_that_never_arrived_may_be_listed_only_where_its_script_was_killed() -> None:
    assert "never arrived" in books([call()], LISTED, CONFIRMED).violations[0]
    assert books([call()], LISTED, CONFIRMED, killed=1).violations == []


def test_a_call_for_no_picture_of_ours_is_found() -> None:
    assert "belong to no picture" in compare([call()], {}, {}, {}).violations[0]

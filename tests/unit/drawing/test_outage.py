"""When failed pictures are an outage, and when one of them fails for itself."""

import pytest

from assetgen_dagster.drawing.outage import OutageSigns
from assetgen_dagster.errors import Code
from assetgen_dagster.providers.failures import Failure

FAULT = Failure(Code.API_ERROR, "HTTP 500")
UNAVAILABLE = Failure(Code.API_ERROR, "HTTP 503", unavailable=True)
OFFLINE = Failure(Code.NETWORK, "no route")
LOST = Failure(Code.ANSWER_LOST, "closed")
SLOW = Failure(Code.SCRIPT_TIMEOUT, "took too long")
REFUSED = Failure(Code.REFUSED, "IMAGE_SAFETY")

#: A call that was answered in between.
ANSWER = None


@pytest.mark.parametrize(
    ("events", "code"),
    [
        ([UNAVAILABLE], Code.OUTAGE),
        ([FAULT], None),
        ([OFFLINE], None),
        ([FAULT, FAULT], Code.OUTAGE),
        ([OFFLINE, FAULT], Code.OUTAGE),
        ([FAULT, ANSWER, FAULT], None),
        ([FAULT, REFUSED], None),
        ([LOST, LOST], None),
        ([LOST, LOST, LOST], Code.ANSWERS_LOST),
        ([LOST, LOST, ANSWER, LOST], None),
        ([LOST, SLOW, LOST, LOST], Code.ANSWERS_LOST),
        ([SLOW, SLOW, SLOW, SLOW], None),
    ],
)
def test_an_outage_shows_in_several_pictures_or_in_an_api_that_serves_nobody(
    events: list[Failure | None], code: Code | None
) -> None:
    signs = OutageSigns()
    found = None
    for number, event in enumerate(events):
        if event is None:
            signs.note_answer()
        else:
            found = signs.give_up(f"picture_{number}", event, answers_before=signs.answers)
    assert (found.code if found else None) == code


def test_a_picture_that_fails_while_others_are_answered_is_no_sign() -> None:
    signs = OutageSigns()
    signs.note_answer()
    assert signs.give_up("fox", UNAVAILABLE, answers_before=0) is None
    assert signs.give_up("owl", FAULT, answers_before=1) is None


def test_one_picture_is_counted_once() -> None:
    signs = OutageSigns()
    assert signs.give_up("fox", FAULT, answers_before=0) is None
    assert signs.give_up("fox", FAULT, answers_before=0) is None

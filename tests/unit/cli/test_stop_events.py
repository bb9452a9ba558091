"""What a terminal and a program are told of a drawing that was stopped."""

import io

import pytest
from rich.console import Console

from assetgen_dagster.budget.admission import AdmissionWaits
from assetgen_dagster.cli.progress import Display, Message, message
from assetgen_dagster.drawing.events import CallsAwaited, Event


@pytest.mark.parametrize(("pictures", "said"), [(("fox",), "1 call is"), (("fox", "owl"), "2 calls are")])
def test_calls_in_flight_are_counted_in_words(pictures: tuple[str, ...], said: str) -> None:
    assert f"{said} in flight" in str(CallsAwaited(pictures, 120))


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (AdmissionWaits("the quota"), {"event": "held"}),
        (CallsAwaited(("fox", "owl"), 120), {"event": "stopping", "pictures": ["fox", "owl"], "seconds": 120}),
    ],
)
def test_a_stop_is_an_event_of_its_own_and_both_are_shown(event: Event, expected: Message) -> None:
    shown = io.StringIO()
    said = message("poke1:vid_123", event)
    assert said == {"project": "poke1:vid_123", "why": str(event)} | expected
    with Display(Console(file=shown, width=200)) as display:
        display.show(said)
    assert str(event) in shown.getvalue()

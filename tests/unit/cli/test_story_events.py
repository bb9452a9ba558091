"""What a terminal shows while a language model writes."""

import io

from rich.console import Console

from assetgen_dagster.cli.progress import Display, message
from assetgen_dagster.director.model.events import Asked, Waits
from assetgen_dagster.providers.failures import never_started


def test_who_writes_the_prompts_is_shown_while_it_goes_on() -> None:
    shown = io.StringIO()
    with Display(Console(file=shown, width=200)) as display:
        for event in (Asked("gemini-3.8-flash", 1), Asked("gemini-3.8-flash", 2), Waits("it", 2.0, never_started())):
            display.show(message("poke1:vid_123", event) or {})
    assert shown.getvalue().splitlines() == [
        "poke1:vid_123: gemini-3.8-flash writes the prompts",
        "poke1:vid_123: gemini-3.8-flash repairs the prompts",
        "poke1:vid_123: it will be asked again in 2 s: the run ended before the script was started",
    ]

"""Tables outside a terminal: plain and whole, whatever a line's length."""

import io

from rich.console import Console
from rich.table import Table
from rich.text import Text

from assetgen_dagster.cli.progress import Display
from assetgen_dagster.cli.terminal import say, show

LONG = "a red fox walks through ferns " * 10


def shown(*, terminal: bool) -> str:
    table = Table(title="poke1:vid_123", show_footer=True)
    table.add_column("name", footer="all")
    table.add_column("cost", justify="right", footer="$1.50")
    table.add_column("prompt")
    table.add_row(Text("fox [CORE]"), "$1.00", LONG)
    table.add_row("owl\nat night", "$0.50", "[bold]an owl[/bold]")
    output = io.StringIO()
    show(table, Console(file=output, width=80, force_terminal=terminal))
    return output.getvalue()


def test_outside_a_terminal_a_row_is_one_whole_line_without_a_frame() -> None:
    assert shown(terminal=False).splitlines() == [
        "poke1:vid_123",
        "name           cost  prompt",
        f"fox [CORE]    $1.00  {LONG.strip()}",
        "owl at night  $0.50  an owl",
        "all           $1.50",
    ]


def test_in_a_terminal_a_table_fits_its_width() -> None:
    lines = [Text.from_ansi(line).plain for line in shown(terminal=True).splitlines()]
    assert "│" in "".join(lines)
    assert max(map(len, lines)) <= 80


def test_brackets_in_a_text_are_no_markup_and_a_long_line_stays_one() -> None:
    output = io.StringIO()
    say(f"Contact sheet: /videos/[bold]/{LONG}", Console(file=output, width=80))
    assert output.getvalue() == f"Contact sheet: /videos/[bold]/{LONG}\n"


def test_a_terminals_progress_shows_before_the_plan_says_of_how_many() -> None:
    console = Console(file=io.StringIO(), width=100, force_terminal=True)
    with Display(console) as display:
        display.show({"project": "poke1:vid_123", "event": "manifest", "warnings": ["line 3: no prompt"]})

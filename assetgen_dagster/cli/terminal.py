"""Output of commands: colours, tables and progress in a terminal, plain unwrapped text elsewhere."""

from rich.console import Console
from rich.table import Table
from rich.text import Text


def stdout() -> Console:
    """Returns the console for a command's result."""
    return Console(emoji=False)


def stderr() -> Console:
    """Returns the console for all other messages."""
    return Console(stderr=True, emoji=False)


def say(text: str, console: Console, style: str = "") -> None:
    """Prints a text verbatim: no wrapping, no markup."""
    console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


def note(text: str) -> None:
    """Prints a message to stderr."""
    say(text, stderr())


def complain(text: str) -> None:
    """Prints an error to stderr."""
    say(f"Error: {text}", stderr(), style="red")


def show(table: Table, console: Console) -> None:
    """Prints a table: with borders in a terminal, elsewhere as aligned columns without wrapping."""
    if console.is_terminal:
        console.print(table)
    else:
        say(plain(table), console)


def plain(table: Table) -> str:
    """Returns a table as lines of text."""
    columns = []
    for column in table.columns:
        cells = [column.header, *column.cells, *([column.footer] if table.show_footer else [])]
        texts = [" ".join(_text(cell).split()) for cell in cells]
        width = max(map(len, texts))
        columns.append([text.rjust(width) if column.justify == "right" else text.ljust(width) for text in texts])
    named = [_text(text) for text in (table.title, table.caption)]
    lines = ["  ".join(cells).rstrip() for cells in zip(*columns, strict=True)]
    return "\n".join([*filter(None, named[:1]), *lines, *filter(None, named[1:])])


def _text(cell: object) -> str:
    return cell.plain if isinstance(cell, Text) else Text.from_markup(str(cell or "")).plain

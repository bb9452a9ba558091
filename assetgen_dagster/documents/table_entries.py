"""Pictures in a Markdown table: one a row, where a column holds prompts; or a table of one picture's fields."""

import re
from collections.abc import Sequence

from assetgen_dagster.documents.blocks import Block, Kind, Row, plain
from assetgen_dagster.documents.labels import Field, has_image_ending, read_label
from assetgen_dagster.documents.sections import MOST_PICTURES, Section, entry_section

_LEAST_WORDS = 6  # on average, of a column that could hold prompts although its header does not say so
#: What a column is by its header, the most telling first; the name is the label that its cells are read under.
_COLUMNS = (
    ("Negative prompt", re.compile(r"negative|avoid|exclude", re.I)),
    ("Prompt", re.compile(r"prompts?\b|提示词|プロンプト|промпт", re.I)),
    ("Filename", re.compile(r"\bfile|datei|archivo|fichier|arquivo|output", re.I)),
    ("Category", re.compile(r"\b(?:category|type|kind|class|group|kategorie|typ|categor[ií]a)\b", re.I)),
    ("Aspect ratio", re.compile(r"\b(?:aspect|ratio|ar|format)\b", re.I)),
    ("Core", re.compile(r"\bcore\b", re.I)),
    (
        "Name",
        re.compile(r"\b(?:name|title|asset|picture|image|subject|shot|character|prop|set|nombre|nom|bild)s?\b", re.I),
    ),
)


def read_table(table: Block, *, guess: bool) -> tuple[list[Section], list[Block]]:
    """Reads a table.

    Args:
        table: The table.
        guess: A column of long texts beside one of file names is taken for prompts.

    Returns:
        A section for each row that is a picture; or else the labels of the one picture that the table describes.
        Nothing where it is neither.
    """
    columns = _columns(table.rows, guess=guess)
    if "Prompt" in columns:
        rows = table.rows[1 : MOST_PICTURES + 2]
        return [entry for row in rows if (entry := _row_entry(row, columns))], []
    return [], _fields(table.rows)


def _columns(rows: Sequence[Row], *, guess: bool) -> list[str]:
    """Returns the label of each column; empty for those that say nothing about a picture."""
    columns: list[str] = []
    for cell in rows[0].cells:
        words = plain(cell)
        found = next((name for name, pattern in _COLUMNS if pattern.search(words)), "")
        columns.append("" if found in columns else found)
    if guess and "Prompt" not in columns and "Filename" in columns:
        sizes = [0 if name else _average_words(rows[1:], index) for index, name in enumerate(columns)]
        if max(sizes) >= _LEAST_WORDS:
            columns[sizes.index(max(sizes))] = "Prompt"
    return columns


def _average_words(rows: Sequence[Row], index: int) -> float:
    cells = [row.cells[index] for row in rows if index < len(row.cells)]
    return sum(len(cell.split()) for cell in cells) / len(cells) if cells else 0


def _row_entry(row: Row, columns: Sequence[str]) -> Section | None:
    """Makes a section of a row; what a bar too many has cut off from the prompt is put back."""
    cells = list(row.cells)
    at = columns.index("Prompt")
    surplus = len(cells) - len(columns)
    if surplus > 0:
        cells[at : at + surplus + 1] = [" | ".join(cells[at : at + surplus + 1])]
    said = {name: cell for name, cell in zip(columns, cells, strict=False) if name and cell}
    if not any(cells):
        return None
    name = plain(said.pop("Name", ""))
    body = [
        Block(Kind.TEXT, row.line, f"**{label}:** {cell}", flat=True) for label, cell in said.items() if label != "Core"
    ]
    if re.match(r"\W*(?:core|yes|y|x|true|✓|✔|✅|⭐)", said.get("Core", ""), re.I):
        name += " [CORE]"
    return entry_section(row.line, name, body)


def _fields(rows: Sequence[Row]) -> list[Block]:
    """Returns the labels of a table with a field a row, such as ``| Prompt | ... |``."""
    if max(len(row.cells) for row in rows) > 3:
        return []
    lines = [f"**{plain(row.cells[0])}:** {' | '.join(filter(None, row.cells[1:]))}" for row in rows]
    labels = [label for line in lines if (label := read_label(line)) and label.value]
    if not any(label.field is Field.PROMPT or has_image_ending(label.value) for label in labels):
        return []
    return [Block(Kind.TEXT, row.line, line, flat=True) for row, line in zip(rows, lines, strict=True) if row.cells[0]]

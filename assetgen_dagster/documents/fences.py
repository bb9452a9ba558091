"""Fences that hold more than one prompt: several pictures one after the other, or the whole list as JSON."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from assetgen_dagster.documents.blocks import Block, Kind
from assetgen_dagster.documents.labels import Field, read_label
from assetgen_dagster.documents.sections import MOST_PICTURES, Section, entry_section

_MOST_DEEP = 6


def records(fence: Block) -> list[Block]:
    """Splits a fence at the file names in it, which stand at the end of each prompt, or at the beginning of each."""
    lines = fence.text.rstrip("\n").split("\n")
    labels = (read_label(line) for line in lines)
    named = [number for number, label in enumerate(labels) if label and label.field is Field.FILE and label.value]
    if len(named) < 2:
        return [fence]
    first = not "".join(lines[: named[0]]).strip()
    cuts = [*named[1:], len(lines)] if first else [number + 1 for number in named]
    if not first:
        cuts[-1] = len(lines)
    starts = [0, *cuts[:-1]]
    return [
        replace(fence, line=fence.line + start, text="\n".join(lines[start:cut]) + "\n")
        for start, cut in zip(starts, cuts, strict=True)
    ]


def json_entries(fence: Block) -> list[Section]:
    """Makes a section of each object with a prompt in it; none where a fence is no JSON."""
    if not re.match(r"\s*[\[{]", fence.text):
        return []
    try:
        found = list(islice(_objects(json.loads(fence.text), depth=0), MOST_PICTURES + 1))
    except (ValueError, RecursionError):
        return []
    lines = fence.text.split("\n")
    entries = []
    at = 0
    for name, said in found:
        prompt = next(value for key, value in said.items() if _field(key) is Field.PROMPT)
        start = json.dumps(prompt[:30], ensure_ascii=False)[1:-1]
        at = next((number for number in range(at, len(lines)) if start in lines[number]), at)
        line = fence.line + 1 + at
        body = [Block(Kind.TEXT, line, f"**{key}:** {value}", flat=True) for key, value in said.items()]
        entries.append(entry_section(line, name, body))
    return entries


def _objects(value: object, *, depth: int) -> Iterator[tuple[str, dict[str, str]]]:
    """Finds the objects that are pictures, each with its name and its other fields."""
    if depth > _MOST_DEEP:
        return
    if isinstance(value, list):
        for item in value:
            yield from _objects(item, depth=depth + 1)
    elif isinstance(value, dict):
        said = {key.replace("_", " "): text for key, text in value.items() if isinstance(text, str) and text.strip()}
        if any(_field(key) is Field.PROMPT for key in said):
            name = next((key for key in said if _field(key) is Field.NAME), "")
            yield said.pop(name, ""), said
        else:
            for group, inside in value.items():
                for name, fields in _objects(inside, depth=depth + 1):
                    kind = {} if any(_field(key) is Field.CATEGORY for key in fields) else {"Category": group}
                    yield name, fields | kind


def _field(key: str) -> Field | None:
    label = read_label(f"**{key}:** x")
    return label.field if label else None

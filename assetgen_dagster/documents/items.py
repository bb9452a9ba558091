"""List items that a bold title begins: pictures, where a section holds several, or the parts of one prompt."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from assetgen_dagster.documents.blocks import Block, Kind, plain
from assetgen_dagster.documents.labels import Field, label_of_title, read_label
from assetgen_dagster.documents.sections import LEAST_TEXT, Section

LED = re.compile(
    r"^[^\w\n*_`]{0,12}(?:\[core\]\s*)?(?P<bold>\*\*|__|`)(?P<name>[^*\n`]{1,160}?)(?P=bold)"
    r"(?P<mark>\s*\[[^\]\n]{1,30}\])?\s{0,3}(?:[:\uff1a]|[–—-](?=\s))?[ \t]*(?P<rest>.*)$",
    re.IGNORECASE,
)
LED_PLAIN = re.compile(r"^(?P<name>[^:.\n–—]{1,100}?)(?P<mark>)\s?(?:[:\uff1a]|\s[–—-](?=\s))[ \t]*(?P<rest>.*)$")
#: Words of a prompt behind a name.
LEAST_WORDS = 5
#: Instructions to the illustrator, which describe no picture.
_ORDER = re.compile(
    r"^\W*(?:keep|use|avoid|never|always|don['’]?t|do not|make sure|ensure|remember|please|note|nb|n\.b|todo|"
    r"all (?:of|pictures|shots|images)|every (?:picture|shot|image))\b",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r"[,;.!?]\s|\s[–—-]\s|\s\(|$")
_SHORTEST_NAME, _LONGEST_NAME = 2, 6  # words
_OF_A_PROMPT = (Field.PROMPT, Field.NEGATIVE, Field.FILE)


def even_items(blocks: Sequence[Block]) -> Iterator[Block]:
    """Gives each item of a list its title as a block of its own where some items have one."""
    for listed, run in groupby(blocks, key=lambda block: block.listed):
        if not listed:
            yield from run
            continue
        items = [list(item) for _, item in groupby(run, key=lambda block: block.items[:1])]
        titled = any(item[0].kind is Kind.BOLD for item in items)
        for item in items:
            yield from _with_title(item[0]) if titled else item[:1]
            yield from item[1:]


def _with_title(head: Block) -> Iterator[Block]:
    first, newline, more = head.text.partition("\n")
    led = head.kind is Kind.TEXT and (LED.match(first) or (head.ordered and LED_PLAIN.match(first)))
    if not led:
        yield head
        return
    yield replace(head, kind=Kind.BOLD, text=plain(led["name"]).strip(" :") + (led["mark"] or ""), level=7)
    if led["rest"]:
        yield replace(head, text=led["rest"] + newline + more)
    elif more:
        yield replace(head, line=head.line + 1, text=more)


def is_order(text: str) -> bool:
    """Returns whether an item instructs the illustrator: ``Keep the scar in all of them``."""
    return _ORDER.match(text) is not None


def name_of(text: str) -> str:
    """Returns a name for a picture that is only described: the description's beginning, up to where it pauses."""
    text = plain(text.partition("\n")[0])
    clauses = [text[: pause.start()] for pause in _CLAUSE.finditer(text)]
    name = next((clause for clause in clauses if len(clause.split()) >= _SHORTEST_NAME), text)
    return " ".join(name.split()[:_LONGEST_NAME]).strip(" .,;:")


def may_be_picture(block: Block) -> bool:
    """Returns whether a text looks like a picture's entry: numbered, or with a name in bold, and with enough words."""
    first, _, more = block.text.partition("\n")
    led = LED.match(first)
    label = read_label(first)
    if label and label.field is not Field.OTHER:
        return False
    if led and block.text.lstrip(" >").startswith(("**", "__")):
        return len(f"{led['rest']} {more}".split()) >= LEAST_WORDS
    return block.ordered and len(block.text.split()) >= LEAST_WORDS


def common_titles(segments: Sequence[tuple[Section, Sequence[Section]]]) -> frozenset[str]:
    """Returns the items' titles that come again under another heading, as ``Subject`` and ``Setting`` do."""
    titles = Counter(
        title for _, bold in segments for title in {one.title.text.lower() for one in bold if one.title.listed}
    )
    return frozenset(title for title, count in titles.items() if count > 1)


def are_pictures(head: Section, bold: Sequence[Section], common: frozenset[str]) -> bool:
    """Returns whether the items with bold titles under a heading are a picture each, and not parts of its prompt."""
    items = [section for section in bold if section.title.listed]
    titled = sum(section.has_text or section.is_strong for section in items)
    if not titled or head.is_strong or any(section.title.text.lower() in common for section in items):
        return False
    labels = [label for section in items if (label := label_of_title(section.title.text))]
    if any(label in _OF_A_PROMPT for label in labels) or len(labels) * 2 >= len(items):
        return False
    numbered = items[0].title.ordered
    spoken = sum(len(block.text) for block in head.body if block.kind is Kind.TEXT and not block.listed)
    return (titled > 1 and (numbered or spoken < LEAST_TEXT)) or (numbered and not head.body)

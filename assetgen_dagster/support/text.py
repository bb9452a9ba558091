"""Text as people and programs really deliver it, made safe to work with; the number of lines stays what it was."""

import re
import unicodedata
from urllib.parse import urlsplit

_LINE_END = re.compile(r"\r\n?")
_SURROGATES = re.compile("[\ud800-\udfff]")
#: Looks like a space, and is none to most programs; form feeds and exotic line separators must not count as lines.
_SPACES = "\v\f\N{NEXT LINE}\N{NO-BREAK SPACE}\N{FIGURE SPACE}\N{NARROW NO-BREAK SPACE}\u2028\u2029"
_TABLE: dict[int, str | None] = {code: None for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\t\n\r"}
_TABLE |= {ord(space): " " for space in _SPACES}
#: Byte order mark, zero-width space, soft hyphen. The zero-width joiner stays: emoji are made with it.
_TABLE |= {0xFEFF: None, 0x200B: None, 0xAD: None}


def clean_text(text: str) -> str:
    r"""Returns ``text`` with ``\n`` line ends, plain spaces, and no control characters or half characters."""
    return _SURROGATES.sub("\N{REPLACEMENT CHARACTER}", _LINE_END.sub("\n", text)).translate(_TABLE)


def one_line(text: str) -> str:
    """Returns ``text`` cleaned and on one line, composed (NFC), each run of white space a single space."""
    return unicodedata.normalize("NFC", " ".join(clean_text(text).split()))


def is_web_address(link: str) -> bool:
    """Returns whether a browser could follow a link."""
    try:
        parts = urlsplit(link)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"\s", link)

"""Keeps secrets and long prompts out of logs, metadata and messages."""

import re

from pydantic import SecretStr

#: What a log or a message may show of a prompt.
PREVIEW_CHARACTERS = 100

_MASK = "***"

#: So much of a prompt's line is recognised as an echo of it, and is left to be seen.
_ECHO_CHARACTERS = 60

# Shapes of keys that can turn up in a prompt or in a script's traceback: Google, Notion, OpenAI-like, bearer tokens,
# passwords in URLs, and NAME_KEY=value pairs.
_SECRETS = re.compile(
    r"""
    AIza[0-9A-Za-z_-]{20,}
  | AQ\.[0-9A-Za-z_-]{20,}
  | \b(?:ntn|secret|sk)[_-][0-9A-Za-z_-]{16,}
  | (?<=://)[^/\s:@]+:[^/\s@]+(?=@)
  | (?i:(?<=bearer\s))[0-9A-Za-z._~+/=-]{8,}
  | (?i:\b[A-Z_]*(?:API[_-]?KEY|TOKEN|SECRET|PASSWORD)["']?\s*[=:]\s*["']?)(?P<value>[^\s"',;&)}\]]{4,})
    """,
    re.VERBOSE,
)

_known: set[str] = set()


def hide(*secrets: SecretStr | str | None) -> None:
    """Makes ``redact`` mask these values wherever they occur, whatever their shape."""
    for secret in secrets:
        value = secret.get_secret_value() if isinstance(secret, SecretStr) else secret
        if value and len(value) >= 4:
            _known.add(value)


def redact(text: str) -> str:
    """Returns ``text`` with every key, token and password replaced by ``***``."""
    for secret in sorted(_known, key=len, reverse=True):
        text = text.replace(secret, _MASK)
    return _SECRETS.sub(_masked, text)


def preview(prompt: str) -> str:
    """Returns at most 100 characters of a prompt on one line, without secrets."""
    line = " ".join(redact(prompt).split())
    return line if len(line) <= PREVIEW_CHARACTERS else f"{line[: PREVIEW_CHARACTERS - 1]}…"


def conceal(text: str, prompt: str) -> str:
    """Returns ``text`` with every long passage of ``prompt`` cut short: scripts like to echo what they were given."""
    for line in {line.strip() for line in prompt.splitlines()}:
        if len(line) <= PREVIEW_CHARACTERS:
            continue
        start = line[:_ECHO_CHARACTERS]
        at = text.find(start)
        while at >= 0:
            length = next(
                (n for n, pair in enumerate(zip(text[at:], line, strict=False)) if pair[0] != pair[1]), len(line)
            )
            length = min(length, len(text) - at)
            text = f"{text[: at + len(start)]}…{text[at + length :]}"
            at = text.find(start, at + len(start))
    return text


def _masked(match: re.Match[str]) -> str:
    value = match.group("value")
    return match.group().replace(value, _MASK) if value else _MASK

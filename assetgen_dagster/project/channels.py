"""``channels.toml``: the allowed channels and their options. Without the file, any channel name is allowed.

The file keeps a typo in a row from becoming a new channel that spends money.
"""

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from assetgen_dagster.errors import Code, OneCodeError
from assetgen_dagster.project.key import InvalidIdentifierError, validate_identifier
from assetgen_dagster.settings import ASPECT_RATIO, NONE, PROJECT_ROOT, Settings

#: Read if ``ASSETGEN_CHANNELS_FILE`` is not set; only this file may be missing.
DEFAULT_FILE = PROJECT_ROOT / "channels.toml"

#: Most names to list in a message.
_LISTED = 20


class ChannelsFileError(OneCodeError):
    """The file is missing or invalid; no run can start before it is fixed."""

    code = Code.CHANNELS_FILE


class UnknownChannelError(OneCodeError):
    """The file does not name this channel."""

    code = Code.UNKNOWN_CHANNEL


class Channel(BaseModel):
    """The options of one channel.

    Attributes:
        monthly_budget_usd: Maximum cost of its pictures in a calendar month.
        aspect_ratio: ``W:H``; overrides ``GEMINI_ASPECT_RATIO``.
        style: Added to the prompt of every picture.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    monthly_budget_usd: float | None = Field(None, ge=0, allow_inf_nan=False)
    aspect_ratio: str | None = Field(None, pattern=ASPECT_RATIO)
    style: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)] | None = None


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    channels: dict[str, Channel] = Field(min_length=1)


@dataclass(frozen=True)
class Channels:
    """The allowed channels.

    Attributes:
        path: The file; None if any channel name is allowed.
        known: The channels in the file, by name.
    """

    path: Path | None = None
    known: Mapping[str, Channel] = field(default_factory=dict)

    def get(self, name: str) -> Channel:
        """Returns the options of a channel.

        Raises:
            UnknownChannelError: The file does not name it.
        """
        if self.path is None:
            return Channel()
        if name not in self.known:
            raise UnknownChannelError(
                f"Unknown channel {name!r}{_suggestion(name, self.known)}. Known channels: {_listed(self.known)}. "
                f"If it is new, the operator adds [channels.{name}] to {self.path}."
            )
        return self.known[name]


def load_channels(settings: Settings) -> Channels:
    """Reads the channels file.

    Raises:
        ChannelsFileError: It is set and missing, or invalid; the message says where and what is allowed.
    """
    named = settings.channels_file
    if named == Path(NONE):
        return Channels()
    path = named or DEFAULT_FILE
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        if named is None:
            return Channels()
        raise ChannelsFileError(
            f"ASSETGEN_CHANNELS_FILE names {path}, which does not exist. Fix the setting, or create the file."
        ) from None
    except OSError as error:
        raise ChannelsFileError(
            f"{path} cannot be read: {error.strerror}. Give this user permission to read it."
        ) from None
    except UnicodeDecodeError as error:
        raise ChannelsFileError(f"{path} is not UTF-8 text (byte {error.start}): save it as UTF-8.") from None
    return Channels(path, parse_channels(text, name=str(path)))


def parse_channels(text: str, *, name: str = "channels.toml") -> dict[str, Channel]:
    """Parses a channels file.

    Args:
        text: TOML.
        name: The file, for messages.

    Raises:
        ChannelsFileError: It is invalid.
    """
    try:
        known = _File.model_validate(tomllib.loads(text)).channels
        for channel in known:
            validate_identifier(channel, "channel")
    except tomllib.TOMLDecodeError as error:
        raise ChannelsFileError(
            f"{name} is not valid TOML: {error}. Fix that line; each channel is a section, such as [channels.poke1]."
        ) from None
    except InvalidIdentifierError as error:
        raise ChannelsFileError(f"{name}: {error.message}") from None
    except ValidationError as error:
        said = "; ".join(_explain(fault["type"], fault["loc"]) for fault in error.errors(include_url=False)[:3])
        more = error.error_count() - 3
        raise ChannelsFileError(f"{name}: {said}{f'; and {more} more' if more > 0 else ''}.") from None
    return known


#: The value of each key, for messages.
_TAKES = {
    "monthly_budget_usd": "a number of US dollars, 0 or more, such as 50",
    "aspect_ratio": 'width to height in quotes, such as "9:16"',
    "style": 'a text in quotes, such as "35mm film grain"',
}


def _explain(kind: str, place: tuple[int | str, ...]) -> str:
    """Returns, for people, what is wrong at a location and what is allowed there."""
    section = f"[{'.'.join(str(part) for part in place[:2])}]"
    if kind == "extra_forbidden" and len(place) == 1:
        return f"unknown {place[0]!r} at the top level; each channel is a section, such as [channels.poke1]"
    if kind == "extra_forbidden":
        key = str(place[-1])
        return f"{section} has an unknown key {key!r}{_suggestion(key, _TAKES)}; allowed are {', '.join(_TAKES)}"
    if len(place) <= 2 or place[2] not in _TAKES:
        return "each channel needs its own section, such as [channels.poke1]; it may be empty"
    return f"{place[2]} in {section} must be {_TAKES[str(place[2])]}"


def _suggestion(name: str, known: Iterable[str]) -> str:
    """Returns a suggestion of the nearest known name, or an empty string."""
    names = {one.casefold(): one for one in known}
    near = difflib.get_close_matches(name.casefold(), names, n=1)
    return f" (did you mean {names[near[0]]!r}?)" if near else ""


def _listed(names: Iterable[str]) -> str:
    ordered = sorted(names)
    more = len(ordered) - _LISTED
    return ", ".join(ordered[:_LISTED]) + (f" and {more} more" if more > 0 else "")

"""The faults that the Gemini emulator can be asked for.

A call that hangs, is torn or endless is billed; one that gets an error is not. One that is reset, or gets a page, is
billed if the fault says so.
"""

from collections.abc import Callable
from dataclasses import MISSING, field, fields
from typing import Annotated, Literal, get_args

from pydantic import Field, TypeAdapter
from pydantic.dataclasses import dataclass

from assetgen_emulators.core import faults
from assetgen_emulators.core.faults import STRICT, Delay, Drip, Endless, Gzip, Hang, Rule, TornBody

__all__ = [
    "Action",
    "AnyAction",
    "ApiError",
    "CutShort",
    "Delay",
    "Drip",
    "Endless",
    "Fault",
    "FlawedStory",
    "Gzip",
    "HalfPng",
    "Hang",
    "HtmlPage",
    "JpegLabelledPng",
    "NoImage",
    "NoUsage",
    "OddPart",
    "OddPicture",
    "PromptBlocked",
    "Reset",
    "TextBeside",
    "TextOnly",
    "Thoughts",
    "TornBody",
    "TwoImages",
    "kinds",
]


@dataclass(frozen=True, config=STRICT)
class HtmlPage(faults.HtmlPage):  # noqa: D101 - as there, and so is the next
    billed: bool = False


@dataclass(frozen=True, config=STRICT)
class Reset(faults.Reset):  # noqa: D101
    billed: bool = False


@dataclass(frozen=True, config=STRICT)
class ApiError:
    """An error status with the API's JSON body; nothing is billed.

    Attributes:
        status: HTTP status.
        api_status: ``RESOURCE_EXHAUSTED`` and the like; the usual one for the status unless given.
        message: What the API says.
        headers: Extra headers, such as ``Retry-After``.
        retry_delay_seconds: Adds a RetryInfo.
        reason: Adds an ErrorInfo with this reason.
        quota_id: Adds a QuotaFailure, such as ``GenerateRequestsPerDayPerProjectPerModel``.
        metadata: Of the ErrorInfo, such as ``quota_limit_value``.
        quota_value: The limit in the QuotaFailure.
        inside_200: Whether the answer's status is 200, as some gateways send errors.
    """

    status: int
    api_status: str | None = None
    message: str = "The emulator was asked to fail."
    headers: dict[str, str] = field(default_factory=dict)
    retry_delay_seconds: float | None = None
    reason: str | None = None
    quota_id: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    quota_value: str | None = None
    inside_200: bool = False
    kind: Literal["api_error"] = "api_error"


@dataclass(frozen=True, config=STRICT)
class PromptBlocked:
    """A 200 without candidates."""

    reason: str = "PROHIBITED_CONTENT"
    kind: Literal["prompt_blocked"] = "prompt_blocked"


@dataclass(frozen=True, config=STRICT)
class NoImage:
    """A 200 whose candidate ends without a picture."""

    finish_reason: str = "IMAGE_SAFETY"
    finish_message: str | None = None
    kind: Literal["no_image"] = "no_image"


@dataclass(frozen=True, config=STRICT)
class TextOnly:
    """A 200 with words instead of a picture."""

    text: str = "I can describe the scene for you instead."
    kind: Literal["text_only"] = "text_only"


@dataclass(frozen=True, config=STRICT)
class TextBeside:
    """A picture with a text part before it."""

    text: str = "Here is your picture."
    kind: Literal["text_beside"] = "text_beside"


@dataclass(frozen=True, config=STRICT)
class JpegLabelledPng:
    """JPEG bytes under ``image/png``."""

    kind: Literal["jpeg_labelled_png"] = "jpeg_labelled_png"


@dataclass(frozen=True, config=STRICT)
class HalfPng:
    """Valid JSON with the first half of a PNG in it."""

    kind: Literal["half_png"] = "half_png"


@dataclass(frozen=True, config=STRICT)
class Thoughts:
    """Draft pictures among thought parts, before the real one; with ``after``, one behind it too."""

    drafts: int = 2
    after: bool = False
    tokens: int = 480
    kind: Literal["thoughts"] = "thoughts"


@dataclass(frozen=True, config=STRICT)
class OddPicture:
    """A picture of another size, and of a single colour if ``flat``: tiny, wrong aspect ratio, blank."""

    width: int | None = None
    height: int | None = None
    flat: bool = False
    kind: Literal["odd_picture"] = "odd_picture"


@dataclass(frozen=True, config=STRICT)
class OddPart:
    """A picture under another MIME type, or none, and with ``later`` in the second candidate."""

    mime_type: str | None = "image/png"
    later: bool = False
    kind: Literal["odd_part"] = "odd_part"


@dataclass(frozen=True, config=STRICT)
class NoUsage:
    """A picture without ``usageMetadata``, or without only its split by modality."""

    only_details: bool = False
    kind: Literal["no_usage"] = "no_usage"


@dataclass(frozen=True, config=STRICT)
class TwoImages:
    """Two pictures in one answer; the last one is the one to keep."""

    kind: Literal["two_images"] = "two_images"


@dataclass(frozen=True, config=STRICT)
class FlawedStory:
    """A manifest in text that breaks one rule."""

    flaw: Literal[
        "animal_in_plate", "animal_in_atmosphere", "too_few", "twin_prompts", "twin_names", "no_hero", "short"
    ]
    kind: Literal["flawed_story"] = "flawed_story"


@dataclass(frozen=True, config=STRICT)
class CutShort:
    """Text that ends in the middle, with ``MAX_TOKENS``."""

    kind: Literal["cut_short"] = "cut_short"


AnyAction = (
    ApiError
    | HtmlPage
    | PromptBlocked
    | NoImage
    | TextOnly
    | TextBeside
    | TornBody
    | Drip
    | Endless
    | Gzip
    | JpegLabelledPng
    | HalfPng
    | Thoughts
    | Hang
    | Delay
    | Reset
    | OddPicture
    | OddPart
    | NoUsage
    | TwoImages
    | FlawedStory
    | CutShort
)
Action = Annotated[AnyAction, Field(discriminator="kind")]


@dataclass(frozen=True, config=STRICT)
class Fault(Rule):
    """One rule of a plan: ``Fault(ApiError(503), nth=5)``, ``Fault(Hang(), prompt="owl", times=None)``.

    ``nth`` and ``after`` count all calls since the plan was made.

    Attributes:
        action: What happens.
        prompt: Only to prompts that contain this text.
        of: Only to calls for a ``picture``, or for a ``text``.
    """

    action: Action
    prompt: str | None = None
    of: Literal["picture", "text"] | None = None


#: Reads a plan, ``[{"nth": 5, "action": {"kind": "api_error", "status": 503}}]``, or raises a ValidationError.
faults_from_json: Callable[[str | bytes], list[Fault]] = TypeAdapter(list[Fault]).validate_json


def kinds() -> str:
    """Returns the names of all actions, each with the fields that it needs."""
    found = []
    for action in get_args(AnyAction):
        needed = [one.name for one in fields(action) if one.default is one.default_factory is MISSING]
        found.append(f"{action.kind} ({', '.join(needed)})" if needed else action.kind)
    return ", ".join(found)

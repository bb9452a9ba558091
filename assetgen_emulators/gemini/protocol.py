"""What the published Gemini API accepts, answers and charges for pictures and texts, as pure functions over JSON."""

import base64
import binascii
import hashlib
import io
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

Json = dict[str, Any]


@dataclass(frozen=True)
class Model:
    """A model that draws.

    Attributes:
        image_tokens: Output tokens of one 1K picture.
        image_usd: Price of a million image output tokens.
        input_usd: Price of a million input tokens.
        text_usd: Price of a million text and thinking tokens.
        reference_tokens: Input tokens of a picture sent along.
        extreme_ratios: Whether it draws 1:4, 4:1, 1:8 and 8:1.
        thoughts: Thinking tokens of a call by the levels that it takes, its default first.
        words: Tokens of text that a call with a picture has as well.
        older_sizes: Whether its pictures have the sizes of the 2.5 generation.
    """

    image_tokens: int
    image_usd: float
    input_usd: float
    text_usd: float
    reference_tokens: int = 1120
    extreme_ratios: bool = False
    thoughts: Mapping[str, int] = field(default_factory=dict)
    words: int = 0
    older_sizes: bool = False

    @property
    def sizes(self) -> dict[str, tuple[int, int]]:
        """Width and height of a 1K picture by aspect ratio."""
        return (OLDER_SIZES if self.older_sizes else SIZES) | (EXTREME_SIZES if self.extreme_ratios else {})


# The emulator's own price list: the code under test must agree with it without knowing it.
MODELS = {
    "gemini-nano-banana-2.1": Model(
        1120, 30, 1.50, 7.50, extreme_ratios=True, thoughts={"medium": 639, "minimal": 0, "high": 1278}, words=80
    ),
    "gemini-2.5-flash-image": Model(1290, 30, 0.30, 2.50, reference_tokens=258, older_sizes=True),
    "gemini-3.1-flash-lite-image": Model(1120, 30, 0.25, 1.50, thoughts={"minimal": 0, "high": 1278}),
    "gemini-3.1-flash-image": Model(1120, 60, 0.50, 3.00, extreme_ratios=True, thoughts={"minimal": 0, "high": 1278}),
    "gemini-3-pro-image": Model(1120, 120, 2.00, 12.00, reference_tokens=560),
}
SIZES = {
    "1:1": (1024, 1024),
    "2:3": (848, 1264),
    "3:2": (1264, 848),
    "3:4": (896, 1200),
    "4:3": (1200, 896),
    "4:5": (928, 1152),
    "5:4": (1152, 928),
    "9:16": (768, 1376),
    "16:9": (1376, 768),
    "21:9": (1584, 672),
}
OLDER_SIZES = {
    "1:1": (1024, 1024),
    "2:3": (832, 1248),
    "3:2": (1248, 832),
    "3:4": (864, 1184),
    "4:3": (1184, 864),
    "4:5": (896, 1152),
    "5:4": (1152, 896),
    "9:16": (768, 1344),
    "16:9": (1344, 768),
    "21:9": (1536, 672),
}
EXTREME_SIZES = {"1:4": (512, 2048), "4:1": (2048, 512), "1:8": (384, 3072), "8:1": (3072, 384)}

_MOST_REFERENCES = 14
_MOST_BYTES = 100 * 1024 * 1024
#: Types of pictures that may be sent along, and whether Pillow can open them.
_REFERENCE_TYPES = {"png": True, "jpeg": True, "webp": True, "heic": False, "heif": False}

_USUAL_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
# Known fields by message, named as the API's errors name the place.
_FIELDS = {
    "request": "contents tools toolConfig safetySettings systemInstruction generationConfig cachedContent model store "
    "serviceTier",
    "generation_config": "stopSequences responseMimeType responseSchema responseJsonSchema responseModalities "
    "candidateCount maxOutputTokens temperature topP topK seed presencePenalty frequencyPenalty responseLogprobs "
    "logprobs enableEnhancedCivicAnswers speechConfig thinkingConfig imageConfig mediaResolution responseFormat",
    "generation_config.image_config": "aspectRatio imageSize",
    "thinking_config": "thinkingLevel thinkingBudget includeThoughts",
    "contents": "role parts",
    "parts": "text inlineData fileData thought thoughtSignature functionCall functionResponse videoMetadata "
    "mediaResolution executableCode codeExecutionResult partMetadata",
    "inline_data": "mimeType data",
}


class Rejected(Exception):  # noqa: N818 - named for what happened to the request
    """Raised for a request that the API does not accept, with its answer."""

    def __init__(self, status: int, message: str, details: Iterable[Json] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.body = error_body(status, message, details)


@dataclass(frozen=True)
class Question:
    """What a request asks for, as the journal keeps it.

    Attributes:
        prompt: All text parts, joined by line feeds.
        aspect_ratio: As asked, or None.
        reference_images: Pictures sent along.
        reference_sha256: Hashes of those sent inline, in order; of no bytes where it is not base64.
    """

    prompt: str = ""
    aspect_ratio: str | None = None
    reference_images: int = 0
    reference_sha256: tuple[str, ...] = ()

    @property
    def prompt_sha256(self) -> str:
        """Hash of the prompt in UTF-8."""
        return hashlib.sha256(self.prompt.encode("utf-8", "replace")).hexdigest()


def error_body(status: int, message: str, details: Iterable[Json] = (), api_status: str | None = None) -> Json:
    """Returns the JSON of an error."""
    error: Json = {"code": status, "message": message, "status": api_status or _USUAL_STATUS.get(status, "UNKNOWN")}
    if details := list(details):
        error["details"] = details
    return {"error": error}


def error_details(
    reason: str | None = None,
    retry_delay_seconds: float | None = None,
    quota_id: str | None = None,
    model: str = "",
    *,
    quota_value: str | None = None,
    metadata: Json | None = None,
) -> list[Json]:
    """Returns the details that explain an error: QuotaFailure with Help, RetryInfo, ErrorInfo."""
    details: list[Json] = []
    if quota_id:
        violation = {
            "quotaMetric": "generativelanguage.googleapis.com/generate_requests_per_model",
            "quotaId": quota_id,
            "quotaDimensions": {"location": "global", "model": model},
        } | ({} if quota_value is None else {"quotaValue": quota_value})
        details.append(_detail("QuotaFailure", violations=[violation]))
        link = "https://ai.google.dev/gemini-api/docs/rate-limits"
        details.append(_detail("Help", links=[{"description": "Learn more about Gemini API quotas", "url": link}]))
    if retry_delay_seconds is not None:
        details.append(_detail("RetryInfo", retryDelay=f"{retry_delay_seconds:.9g}s"))
    if reason:
        service = {"service": "generativelanguage.googleapis.com"} | (metadata or {})
        details.append(_detail("ErrorInfo", reason=reason, domain="googleapis.com", metadata=service))
    return details


def _detail(kind: str, **fields: Any) -> Json:
    return {"@type": f"type.googleapis.com/google.rpc.{kind}", **fields}


def check_key(key: str | None, accepted: frozenset[str] | None) -> None:
    """Raises Rejected unless the key is accepted; None accepts any."""
    if not key:
        raise Rejected(403, "Method doesn't allow unregistered callers. Please use an API key to call this API.")
    if accepted is not None and key not in accepted:
        message = "API key not valid. Please pass a valid API key."
        said = _detail("LocalizedMessage", locale="en-US", message=message)
        raise Rejected(400, message, [*error_details(reason="API_KEY_INVALID"), said])


def check_access(name: str, *, restricted: frozenset[str], billing: bool) -> None:
    """Raises Rejected where every call is refused, whatever it asks for: ``GET`` shows the model all the same."""
    if name in restricted:
        message = f"This model models/{name} is no longer available to new users."
        more = "Please update your code to use a newer model for the latest features and improvements."
        raise Rejected(404, f"{message} {more}")
    if not billing:
        metric = "generativelanguage.googleapis.com/generate_content_free_tier_requests"
        message = "You exceeded your current quota, please check your plan and billing details."
        quota_id = "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
        details = error_details(retry_delay_seconds=34, quota_id=quota_id, model=name)
        raise Rejected(429, f"{message}\n* Quota exceeded for metric: {metric}, limit: 0, model: {name}", details)


def check_model(name: str) -> Model:
    """Returns the model; raises Rejected for one that does not exist."""
    if name not in MODELS:
        message = f"models/{name} is not found for API version v1beta, or is not supported for generateContent."
        raise Rejected(404, message)
    return MODELS[name]


def read_question(body: Any) -> Question:
    """Reads what it can without checking it: the journal has rejected requests too."""
    contents = get_field(body, "contents")
    contents = contents if isinstance(contents, list) else [contents]
    parts = [part for content in contents for part in _list(get_field(content, "parts")) if isinstance(part, dict)]
    texts = [part["text"] for part in parts if isinstance(part.get("text"), str)]
    ratio = get_field(get_field(get_field(body, "generationConfig"), "imageConfig"), "aspectRatio")
    images = sum(get_field(part, "inlineData") is not None or get_field(part, "fileData") is not None for part in parts)
    inline = [data for part in parts if (data := get_field(part, "inlineData")) is not None]
    hashes = tuple(hashlib.sha256(_decoded(one) or b"").hexdigest() for one in inline)
    return Question("\n".join(texts), ratio if isinstance(ratio, str) else None, images, hashes)


def check_request(body: Any) -> Json:
    """Returns the generation config; raises Rejected for fields that no model knows, and for an empty request."""
    if not isinstance(body, dict):
        raise Rejected(400, "Invalid JSON payload received. Unexpected token.")
    config = get_field(body, "generationConfig")
    _check_fields(body, "request", "")
    _check_fields(config, "generation_config", "generation_config")
    place = "generation_config.image_config"
    _check_fields(get_field(config, "imageConfig"), place, place)
    _check_fields(get_field(body, "systemInstruction"), "contents", "system_instruction")
    contents = get_field(body, "contents")
    for number, content in enumerate(contents if isinstance(contents, list) else [contents]):
        _check_fields(content, "contents", f"contents[{number}]")
        for index, part in enumerate(_list(get_field(content, "parts"))):
            at = f"contents[{number}].parts[{index}]"
            _check_fields(part, "parts", at)
            _check_fields(get_field(part, "inlineData"), "inline_data", f"{at}.inline_data")
            _check_picture(get_field(part, "inlineData"), f"{at}.inline_data")
    question = read_question(body)
    if question.reference_images > _MOST_REFERENCES:
        raise Rejected(400, f"Too many images in the request: {question.reference_images} > {_MOST_REFERENCES}.")
    if not question.prompt.strip() and not question.reference_images:
        raise violation("contents", "* GenerateContentRequest.contents: contents is not specified")
    return config or {}


def check_body(body: Any, model: Model) -> tuple[int, int]:
    """Returns the size of the picture asked for; raises Rejected with field violations for a malformed request."""
    config = check_request(body)
    image_config = get_field(config, "imageConfig")
    modalities = _list(get_field(config, "responseModalities"))
    if any(str(modality).upper() not in ("TEXT", "IMAGE") for modality in modalities):
        raise violation("generation_config.response_modalities", "Invalid value at 'response_modalities'")
    if get_field(image_config, "imageSize") not in (None, "1K"):
        raise violation("generation_config.image_config.image_size", "the emulator draws imageSize 1K only")
    sizes = model.sizes
    ratio = get_field(image_config, "aspectRatio")
    if ratio is not None and ratio not in sizes:
        place = "generation_config.image_config.aspect_ratio"
        known = ", ".join(f"'{known}'" for known in sizes)
        raise violation(place, f"* GenerateContentRequest.{place}: aspect_ratio must be one of {known}.")
    return sizes[ratio or "1:1"]


def check_thinking(body: Any, model: Model) -> int:
    """Returns the thinking tokens of the level asked for; raises Rejected for one that the model does not take."""
    config = get_field(get_field(body, "generationConfig"), "thinkingConfig")
    _check_fields(config, "thinking_config", "generation_config.thinking_config")
    asked = get_field(config, "thinkingLevel")
    level = str(asked).lower() if asked is not None else next(iter(model.thoughts), "")
    if asked is not None and level not in model.thoughts:
        named = f"Thinking level {level.upper()}" if model.thoughts else "Thinking level"
        raise Rejected(400, f"{named} is not supported for this model. Please retry with other thinking level.")
    return model.thoughts.get(level, 0)


def check_size(raw: bytes) -> None:
    """Raises Rejected for a request that is too large."""
    if len(raw) > _MOST_BYTES:
        raise Rejected(400, f"Request payload size exceeds the limit: {_MOST_BYTES} bytes.")


def _check_picture(inline: Any, place: str) -> None:
    if inline is None:
        return
    kind = str(get_field(inline, "mimeType") or "").removeprefix("image/")
    data = _decoded(inline)
    if data is None:
        raise violation(f"{place}.data", f"Invalid value at '{place}.data' (TYPE_BYTES), Base64 decoding failed")
    if kind not in _REFERENCE_TYPES:
        raise Rejected(400, f"Unsupported MIME type: {get_field(inline, 'mimeType')}")
    try:
        if _REFERENCE_TYPES[kind] or not data:
            Image.open(io.BytesIO(data)).load()
    except Exception:  # decoders raise whatever they like at damaged bytes
        raise Rejected(
            400, "Unable to process input image. Please retry or report in the troubleshooting guide."
        ) from None


def _decoded(inline: Any) -> bytes | None:
    """Returns the bytes of an inline picture; None where it is no base64."""
    data = get_field(inline, "data")
    try:
        plain = data.replace("-", "+").replace("_", "/") if isinstance(data, str) else None
        return None if plain is None else base64.b64decode(plain, validate=True)
    except (binascii.Error, ValueError):
        return None


def _check_fields(message: Any, kind: str, place: str) -> None:
    if message is None:
        return
    where = f" at '{place}'" if place else ""
    if not isinstance(message, dict):
        raise violation(place, f"Invalid value{where}: not an object.")
    known = {name for camel in _FIELDS[kind].split() for name in (camel, _snake(camel))}
    for name in message:
        if name not in known:
            raise violation(place, f'Invalid JSON payload received. Unknown name "{name}"{where}: Cannot find field.')


def violation(place: str, message: str) -> Rejected:
    """Returns the API's answer to a field that it does not accept."""
    fault = {"field": place, "description": message} if place else {"description": message}
    return Rejected(400, message, [_detail("BadRequest", fieldViolations=[fault])])


def _snake(camel: str) -> str:
    return re.sub(r"(?=[A-Z])", "_", camel).lower()


def get_field(message: Any, camel: str) -> Any:
    """Returns a field by its JSON name or its proto name, as the API does."""
    return message.get(camel, message.get(_snake(camel))) if isinstance(message, dict) else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


@dataclass(frozen=True)
class Tokens:
    """Tokens of one answer, by price class; ``references`` are those of the pictures sent along."""

    prompt: int
    image: int = 0
    text: int = 0
    thoughts: int = 0
    references: int = 0

    @property
    def asked(self) -> int:
        """Tokens of the whole request."""
        return self.prompt + self.references

    def billed_usd(self, model: Model) -> float:
        """Returns what the answer costs."""
        spoken = (self.text + self.thoughts) * model.text_usd
        return round((self.asked * model.input_usd + self.image * model.image_usd + spoken) / 1e6, 6)

    def as_usage(self, *, details: bool = True) -> Json:
        """Returns the ``usageMetadata``."""
        usage: Json = {"promptTokenCount": self.asked}
        if self.image or self.text:
            usage["candidatesTokenCount"] = self.image + self.text
        if self.thoughts:
            usage["thoughtsTokenCount"] = self.thoughts
        usage["totalTokenCount"] = self.asked + self.image + self.text + self.thoughts
        if details:
            usage["promptTokensDetails"] = _details(TEXT=self.prompt, IMAGE=self.references)
            if found := _details(TEXT=self.text, IMAGE=self.image):
                usage["candidatesTokensDetails"] = found
        return usage


def _details(**counts: int) -> list[Json]:
    return [{"modality": name, "tokenCount": count} for name, count in counts.items() if count]


def token_count(text: str) -> int:
    """Returns about how many tokens a text has."""
    return math.ceil(len(text) / 4)


def text_part(text: str, *, thought: bool = False) -> Json:
    """Returns a part with text."""
    return {"text": text} | ({"thought": True} if thought else {})


def image_part(data: bytes, *, thought: bool = False) -> Json:
    """Returns a part with a picture."""
    inline = {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(data).decode()}}
    return inline | ({"thought": True} if thought else {})


def candidate_body(parts: list[Json], finish_reason: str, finish_message: str | None = None) -> Json:
    """Returns an answer with one candidate; without parts its content is empty, as the API leaves it."""
    candidate: Json = {"content": {"parts": parts, "role": "model"} if parts else {}, "finishReason": finish_reason}
    if finish_message:
        candidate["finishMessage"] = finish_message
    return {"candidates": [candidate | {"index": 0}]}

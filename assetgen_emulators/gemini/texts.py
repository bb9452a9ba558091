"""The Gemini emulator's language model: what it accepts, writes and charges.

It always writes a manifest of 22 pictures about the ``hero`` of the JSON object in the prompt, whatever schema is asked
for. The same request gets the same text.
"""

import json
import math
from dataclasses import dataclass
from datetime import date
from typing import Any

from assetgen_emulators.gemini import faults, protocol
from assetgen_emulators.gemini.pictures import refuses, whole_answer


@dataclass(frozen=True)
class TextModel:
    """A model that writes.

    Attributes:
        input_usd: Price of a million input tokens.
        output_usd: Price of a million output tokens, thinking included.
        doubles_on: The day from which both are twice as much.
    """

    input_usd: float
    output_usd: float
    doubles_on: date = date.max

    def billed_usd(self, asked: int, written: int, on: date) -> float:
        """Returns the price of a call on a day."""
        usual = (asked * self.input_usd + written * self.output_usd) / 1e6
        return round(usual * (2 if on >= self.doubles_on else 1), 6)


# The emulator's own price list: the code under test must agree with it without knowing it.
MODELS = {
    **dict.fromkeys(
        ("gemini-3.8-flash", "gemini-3.7-flash", "gemini-3.6-flash"), TextModel(0.75, 3.75, date(2027, 1, 1))
    ),
    "gemini-3.5-flash-lite": TextModel(0.30, 2.50),
    "gemini-without-price": TextModel(1.00, 1.00),
}
_THOUGHTS = 400
_MOST_OUTPUT_TOKENS = 65536
_SCHEMA_WORDS = frozenset(("type", "description", "title", "properties", "required", "items", "enum", "format"))
_TYPES = frozenset(("string", "number", "integer", "boolean", "object", "array", "null"))

_POSES = (
    "waking at first light, head raised, seen from the side at eye level with an 85mm lens",
    "walking towards the camera, whole body in frame, 135mm lens, background dissolved",
    "drinking, reflection broken by the first ripple, low camera with a 35mm lens",
    "listening, every feature still, tight head and shoulders, 200mm lens",
    "crossing open ground at speed, side profile, 70mm lens, generous space ahead",
    "resting in shade, three-quarter view from above, 50mm lens",
    "looking back over its shoulder, rim of light along its outline, 105mm lens",
    "asleep at the end of the day, small in a wide frame, 24mm lens",
)
_PLACES = (
    "a wide valley floor with a pale track leading into the distance",
    "a shallow bend of water over rounded stones",
    "a slope of broken rock under an open sky",
    "an old trunk lying across a hollow, bark split along its length",
    "a narrow gap between two boulders, light falling through it",
    "a still pool with a clean far bank",
    "a ridge line seen from below, layers fading one behind the other",
    "a floor of fallen leaves between widely spaced stems",
    "an open meadow with long shadows from the left",
)
_DETAILS = (
    "a drop hanging from the tip of a leaf",
    "lichen rings on a flat stone",
    "a seed head half open",
    "frost needles along a blade of grass",
    "sand grains drawn into ripples",
)


@dataclass(frozen=True)
class Writing:
    """A request for a text that the API has accepted."""

    asked: str
    material: protocol.Json
    most_tokens: int
    model_name: str

    @classmethod
    def accept(cls, body: Any, model_name: str) -> "Writing":
        """Returns the request; raises Rejected where the API would not take it."""
        config = protocol.check_request(body)
        _check_turns(body)
        _check_config(config)
        most = protocol.get_field(config, "maxOutputTokens") or _MOST_OUTPUT_TOKENS
        return cls(json.dumps(body), _material(body), most, model_name)

    def tokens(self, action: faults.AnyAction | None) -> protocol.Tokens:
        """Returns the tokens of the answer; a refusal has only those of the input."""
        asked = protocol.token_count(self.asked)
        if refuses(action):
            return protocol.Tokens(asked)
        written = min(protocol.token_count(self._text(action)), max(0, self.most_tokens - _THOUGHTS))
        return protocol.Tokens(asked, text=written, thoughts=_THOUGHTS)

    def billed_usd(self, tokens: protocol.Tokens) -> float:
        """Returns their price."""
        return MODELS[self.model_name].billed_usd(tokens.prompt, tokens.text + tokens.thoughts, date.today())

    def answer(self, action: faults.AnyAction | None, tokens: protocol.Tokens) -> protocol.Json:
        """Returns the whole body of a 200."""
        return whole_answer(self._written(action, tokens), action, tokens, self.model_name)

    def _written(self, action: faults.AnyAction | None, tokens: protocol.Tokens) -> protocol.Json:
        text = self._text(action)
        whole = protocol.token_count(text) <= tokens.text and not isinstance(action, faults.CutShort)
        parts = [protocol.text_part(text if whole else text[: math.floor(tokens.text * 4 / 2)])]
        if isinstance(action, faults.Thoughts):
            parts.insert(0, protocol.text_part("Which light is it?", thought=True))
        return protocol.candidate_body(parts, "STOP" if whole else "MAX_TOKENS")

    def _text(self, action: faults.AnyAction | None) -> str:
        if isinstance(action, faults.TextOnly):
            return action.text
        flaw = action.flaw if isinstance(action, faults.FlawedStory) else ""
        return json.dumps(_manifest(str(self.material.get("hero") or "the hero"), flaw), indent=1, ensure_ascii=False)


def _manifest(hero: str, flaw: str) -> protocol.Json:
    named = "the animal" if flaw == "no_hero" else hero
    story: protocol.Json = {
        "global_atmosphere": "Clear morning light after rain, soft haze in the distance, 35mm film look, fine grain.",
        "characters": [_picture("hero", n, f"Photograph of {named}, {pose}.") for n, pose in enumerate(_POSES, 1)],
        "environments": [
            _picture("plate", n, f"Empty background plate: {place}, nothing moving.")
            for n, place in enumerate(_PLACES, 1)
        ],
        "props": [
            _picture("detail", n, f"Macro detail of {thing}, 100mm lens, background dissolved into soft colour.")
            for n, thing in enumerate(_DETAILS, 1)
        ],
    }
    match flaw:
        case "animal_in_plate":
            story["environments"][0]["prompt"] += " Two wolves cross it far away."
        case "animal_in_atmosphere":
            story["global_atmosphere"] += " Crows over the trees."
        case "too_few":
            story["props"] = story["props"][:2]
        case "twin_prompts":
            story["characters"][1]["prompt"] = story["characters"][0]["prompt"]
        case "twin_names":
            story["props"][0]["name"] = story["characters"][0]["name"]
        case "short":
            story["props"][0]["prompt"] = "A leaf."
    return story


def _picture(what: str, number: int, prompt: str) -> protocol.Json:
    return {"name": f"{what}_{number:02d}_by_model", "title": f"{what.capitalize()} {number}", "prompt": prompt}


def _material(body: Any) -> protocol.Json:
    """Returns the first JSON object among the texts of the request."""
    for line in protocol.read_question(body).prompt.splitlines():
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict):
            return found
    return {}


def _check_turns(body: Any) -> None:
    contents = protocol.get_field(body, "contents")
    contents = contents if isinstance(contents, list) else [contents]
    for number, content in enumerate(contents):
        role = protocol.get_field(content, "role")
        if role not in (None, "user", "model"):
            raise protocol.violation(f"contents[{number}].role", "Please use a valid role: user, model.")
        parts = protocol.get_field(content, "parts") or []
        if not parts or not all(str(part.get("text") or "").strip() for part in parts):
            place = f"contents[{number}].parts"
            raise protocol.violation(place, f"* GenerateContentRequest.{place}: contents.parts must not be empty.")
    if protocol.get_field(contents[-1], "role") == "model":
        raise protocol.Rejected(400, "Please ensure that multiturn requests end with a user role.")


def _check_config(config: protocol.Json) -> None:
    if protocol.get_field(config, "imageConfig") is not None:
        raise protocol.violation("generation_config.image_config", "This model does not draw pictures.")
    modalities = protocol.get_field(config, "responseModalities") or ["TEXT"]
    if [str(modality).upper() for modality in modalities] != ["TEXT"]:
        raise protocol.Rejected(400, "This model only supports text output.")
    most = protocol.get_field(config, "maxOutputTokens")
    if most is not None and not (isinstance(most, int) and 0 < most <= _MOST_OUTPUT_TOKENS):
        place = "generation_config.max_output_tokens"
        raise protocol.violation(place, f"The supported range is from 1 (inclusive) to {_MOST_OUTPUT_TOKENS + 1}.")
    schemas = {name: protocol.get_field(config, name) for name in ("responseSchema", "responseJsonSchema")}
    asked = {name: schema for name, schema in schemas.items() if schema is not None}
    if len(asked) > 1:
        raise protocol.Rejected(400, "response_schema and response_json_schema cannot both be set.")
    if asked and protocol.get_field(config, "responseMimeType") != "application/json":
        place = "generation_config.response_mime_type"
        raise protocol.violation(place, "A response schema requires the response mime type application/json.")
    for name, schema in asked.items():
        _check_schema(schema, name)


def _check_schema(schema: Any, place: str) -> None:
    # The API refuses minItems and maxItems with this message when they add up to too many states.
    if not isinstance(schema, dict) or not schema.keys() <= _SCHEMA_WORDS:
        raise protocol.Rejected(400, "Request contains an invalid argument.")
    if str(schema.get("type", "")).lower() not in _TYPES:
        raise protocol.violation(place, f"'{place}.type' must be specified.")
    properties = schema.get("properties") or {}
    if not set(schema.get("required") or ()) <= set(properties):
        raise protocol.violation(place, f"'{place}.required': property is not defined.")
    if schema["type"] == "object" and not properties:
        raise protocol.violation(place, f"'{place}.properties' should be non-empty for OBJECT type.")
    if schema["type"] == "array" and "items" not in schema:
        raise protocol.violation(place, f"'{place}.items': missing field.")
    for name, below in properties.items():
        _check_schema(below, f"{place}.properties[{name}]")
    if "items" in schema:
        _check_schema(schema["items"], f"{place}.items")

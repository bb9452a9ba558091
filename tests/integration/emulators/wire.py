"""Talks to the emulator over the wire, as any client would."""

import base64
import http.client
import json
from io import BytesIO
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from PIL import Image

from assetgen_emulators.gemini import GeminiEmulator

MODEL = "gemini-nano-banana-2.1"
#: What a picture and PROMPT cost.
IMAGE, WORDS, THINKING = 1120 * 30 / 1e6, 80 * 7.5 / 1e6, 639 * 7.5 / 1e6
PICTURE = IMAGE + WORDS + THINKING
PROMPT = "a meadow, sunny"  # 15 characters: 4 tokens
ASKED = 4 * 1.50 / 1e6


def body_of(prompt: str = PROMPT, **image_config: Any) -> dict[str, Any]:
    return {
        "contents": [{"role": "user", "parts": [{"text": prompt}]}],
        "generationConfig": {"responseModalities": ["TEXT", "IMAGE"], "imageConfig": image_config},
    }


def ask(
    gemini: GeminiEmulator, body: Any = None, model: str = MODEL, key: str | None = "any", path: str | None = None
) -> tuple[int, Any, dict[str, str]]:
    """Returns status, parsed body and headers."""
    raw = body if isinstance(body, bytes) else json.dumps(body_of() if body is None else body).encode()
    url = gemini.base_url + (path or f"/v1beta/models/{model}:generateContent")
    headers = {"Content-Type": "application/json"} | ({"x-goog-api-key": key} if key else {})
    try:
        with urlopen(Request(url, raw, headers), timeout=10) as answer:
            return answer.status, json.loads(answer.read()), dict(answer.headers)
    except HTTPError as error:
        text = error.read().decode()
        return error.code, json.loads(text) if text.startswith("{") else text, dict(error.headers)


def parts_of(answer: dict[str, Any]) -> list[dict[str, Any]]:
    return list(answer["candidates"][0]["content"]["parts"])


def picture_in(part: dict[str, Any]) -> Image.Image:
    picture = Image.open(BytesIO(base64.b64decode(part["inlineData"]["data"])))
    picture.load()
    return picture


def in_background(gemini: GeminiEmulator, prompt: str = PROMPT) -> http.client.HTTPConnection:
    """Sends a request and does not wait for the answer."""
    connection = http.client.HTTPConnection(gemini.base_url.removeprefix("http://"), timeout=10)
    headers = {"x-goog-api-key": "any"}
    connection.request("POST", f"/v1beta/models/{MODEL}:generateContent", json.dumps(body_of(prompt)), headers)
    return connection

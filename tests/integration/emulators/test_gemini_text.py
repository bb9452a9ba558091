"""The Gemini emulator's language model refuses what the API refuses, and writes the same for the same request."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from assetgen_dagster.director.model.question import ANSWER_SCHEMA
from assetgen_emulators.gemini import Fault, GeminiEmulator
from assetgen_emulators.gemini.faults import HalfPng, NoImage

MODEL = "gemini-3.8-flash"


def ask(body: dict[str, Any], gemini: GeminiEmulator, model: str = MODEL) -> httpx.Response:
    url = f"{gemini.base_url}/v1beta/models/{model}:generateContent"
    return httpx.post(url, json=body, headers={"x-goog-api-key": "any"}, trust_env=False)


def request() -> dict[str, Any]:
    return {
        "systemInstruction": {"parts": [{"text": "Write."}]},
        "contents": [{"role": "user", "parts": [{"text": json.dumps({"hero": "Lapras"})}]}],
        "generationConfig": {"responseMimeType": "application/json", "responseJsonSchema": ANSWER_SCHEMA},
    }


def test_the_same_request_gets_the_same_manifest_about_its_hero(gemini: GeminiEmulator) -> None:
    first, second = (ask(request(), gemini).json()["candidates"][0]["content"]["parts"][0]["text"] for _ in range(2))
    assert first == second
    assert "Lapras" in first
    assert [call.kind for call in gemini.journal()] == ["text", "text"]


CHANGES: list[tuple[Callable[[dict[str, Any]], object], str]] = [
    (lambda body: body["generationConfig"].pop("responseMimeType"), "application/json"),
    (lambda body: body["generationConfig"].update(responseSchema={"type": "object"}), "cannot both be set"),
    (lambda body: body["generationConfig"].update(imageConfig={"aspectRatio": "1:1"}), "does not draw"),
    (lambda body: body["generationConfig"].update(responseModalities=["IMAGE"]), "text output"),
    (lambda body: body["generationConfig"].update(maxOutputTokens=0), "supported range"),
    (lambda body: body["generationConfig"].update(maxTokens=9), "Unknown name"),
    (lambda body: body["generationConfig"].update(responseJsonSchema={"type": "array"}), "missing field"),
    (lambda body: body["generationConfig"].update(responseJsonSchema={"type": "object"}), "non-empty"),
    (lambda body: body["generationConfig"].update(responseJsonSchema={"properties": {}}), "must be specified"),
    (lambda body: body["generationConfig"].update(responseJsonSchema={"type": "array", "maxItems": 22, "items": {"type": "string"}}), "invalid argument"),  # noqa: E501
    (lambda body: body["generationConfig"].update(responseJsonSchema={"type": "object", "properties": {"a": {"type": "string"}}, "required": ["b"]}), "not defined"),  # noqa: E501
    (lambda body: body["contents"][0].update(role="system"), "valid role"),
    (lambda body: body["contents"][0].update(parts=[{"text": " "}]), "contents is not specified"),
    (lambda body: body["contents"].append({"role": "model", "parts": [{"text": "x"}]}), "end with a user role"),
    (lambda body: body["contents"].append({"role": "user", "parts": []}), "must not be empty"),
    (lambda body: body["systemInstruction"].update(text="Write."), "Unknown name"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "said"), CHANGES)
def test_a_malformed_request_is_rejected_and_costs_nothing(
    gemini: GeminiEmulator, change: Callable[[dict[str, Any]], object], said: str
) -> None:
    body = request()
    change(body)
    answer = ask(body, gemini)
    assert (answer.status_code, answer.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert said in answer.json()["error"]["message"]
    assert [(call.outcome, call.billed_usd) for call in gemini.journal()] == [("rejected", 0.0)]


def test_an_answer_that_grows_too_long_ends_with_max_tokens_and_bills_no_more(gemini: GeminiEmulator) -> None:
    body = request()
    body["generationConfig"]["maxOutputTokens"] = 500
    answer = ask(body, gemini).json()
    assert answer["candidates"][0]["finishReason"] == "MAX_TOKENS"
    usage = answer["usageMetadata"]
    assert usage["candidatesTokenCount"] + usage["thoughtsTokenCount"] <= 500


def test_faults_may_be_for_texts_or_for_pictures_only(gemini: GeminiEmulator) -> None:
    gemini.plan([Fault(HalfPng(), of="picture"), Fault(NoImage("SAFETY"), of="text")])
    assert ask(request(), gemini).json()["candidates"][0]["finishReason"] == "SAFETY"
    assert [call.outcome for call in gemini.journal()] == ["no_image"]

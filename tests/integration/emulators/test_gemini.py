"""The emulator against the shapes that Google publishes, over the wire."""

import hashlib
import http.client
import json
import re
import signal
import subprocess
import sys
import threading
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from PIL import Image

from assetgen_emulators.core.faults import faults_to_json
from assetgen_emulators.core.journal import Entry, Journal
from assetgen_emulators.gemini import GeminiEmulator, read_journal
from assetgen_emulators.gemini.__main__ import main
from assetgen_emulators.gemini.faults import (
    ApiError,
    Fault,
    Hang,
    faults_from_json,
)
from assetgen_emulators.gemini.protocol import MODELS, image_part
from assetgen_emulators.painting import as_png
from tests.helpers.harness import picture_usd
from tests.integration.emulators.wire import MODEL, PROMPT, ask, body_of, in_background, parts_of, picture_in

#: A picture to send along.
SPOT = {"mime_type": "image/png", "data": b64encode(as_png(Image.new("RGB", (9, 7), "green"))).decode()}

# --- answers ----------------------------------------------------------------------------------------------------------


def test_an_answer_has_the_published_shape(gemini: GeminiEmulator) -> None:
    status, answer, headers = ask(gemini, body_of(aspectRatio="16:9"))
    assert (status, headers["Content-Type"]) == (200, "application/json; charset=UTF-8")
    assert answer.keys() == {"candidates", "usageMetadata", "modelVersion", "responseId"}
    (candidate,) = answer["candidates"]
    assert (candidate["finishReason"], candidate["index"], candidate["content"]["role"]) == ("STOP", 0, "model")
    (part,) = candidate["content"]["parts"]
    assert part["inlineData"]["mimeType"] == "image/png"
    assert (picture_in(part).format, picture_in(part).size) == ("PNG", (1376, 768))
    assert answer["usageMetadata"] == {
        "promptTokenCount": 4,
        "candidatesTokenCount": 1200,
        "thoughtsTokenCount": 639,
        "totalTokenCount": 1843,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 4}],
        "candidatesTokensDetails": [{"modality": "TEXT", "tokenCount": 80}, {"modality": "IMAGE", "tokenCount": 1120}],
    }
    assert answer["modelVersion"] == MODEL


@pytest.mark.parametrize(
    ("model", "usd"),
    [
        ("gemini-nano-banana-2.1", 0.0389925),
        ("gemini-2.5-flash-image", 0.0387),
        ("gemini-3.1-flash-lite-image", 0.0336),
        ("gemini-3.1-flash-image", 0.0672),
        ("gemini-3-pro-image", 0.1344),
    ],
)
def test_every_model_bills_its_published_price(gemini: GeminiEmulator, model: str, usd: float) -> None:
    assert ask(gemini, model=model)[0] == 200
    assert gemini.journal()[0].billed_usd == pytest.approx(usd + 4 * MODELS[model].input_usd / 1e6, abs=1e-6)


@pytest.mark.parametrize(
    ("ratio", "size"), [(None, (1024, 1024)), ("9:16", (768, 1376)), ("21:9", (1584, 672)), ("4:1", (2048, 512))]
)
def test_the_picture_has_the_aspect_ratio_asked_for(
    gemini: GeminiEmulator, ratio: str | None, size: tuple[int, int]
) -> None:
    _, answer, _ = ask(gemini, body_of(**({"aspectRatio": ratio} if ratio else {})))
    assert picture_in(parts_of(answer)[0]).size == size
    assert gemini.journal()[0].aspect_ratio == ratio


def test_the_same_prompt_gives_the_same_picture_and_another_one_another(gemini: GeminiEmulator) -> None:
    data = [
        parts_of(ask(gemini, body_of(prompt))[1])[0]["inlineData"]["data"] for prompt in ("a fox", "a fox", "a hare")
    ]
    assert data[0] == data[1] != data[2]


def test_proto_names_are_accepted_like_json_names(gemini: GeminiEmulator) -> None:
    body = {
        "contents": {"parts": [{"text": "a"}, {"inline_data": SPOT}, {"text": "b"}]},
        "generation_config": {"image_config": {"aspect_ratio": "3:2"}},
    }
    assert ask(gemini, body)[0] == 200
    (call,) = gemini.journal()
    assert (call.prompt, call.aspect_ratio, call.reference_images) == ("a\nb", "3:2", 1)


def look_up(gemini: GeminiEmulator, model: str, key: str) -> tuple[int, Any]:
    request = Request(f"{gemini.base_url}/v1beta/models/{model}", headers={"x-goog-api-key": key})
    try:
        with urlopen(request) as answer:
            return answer.status, json.loads(answer.read())
    except HTTPError as error:
        return error.code, json.loads(error.read())


def test_pictures_sent_along_are_journalled_and_billed_as_input(gemini: GeminiEmulator) -> None:
    picture = image_part(b64decode(SPOT["data"]))
    _, answer, _ = ask(gemini, {"contents": [{"parts": [picture, picture, {"text": "a fox"}]}]})
    (call,) = gemini.journal()
    assert call.reference_sha256 == (hashlib.sha256(b64decode(SPOT["data"])).hexdigest(),) * 2
    usage = answer["usageMetadata"]
    assert usage["promptTokenCount"] == 2 + 2 * 1120
    assert usage["promptTokensDetails"] == [
        {"modality": "TEXT", "tokenCount": 2}, {"modality": "IMAGE", "tokenCount": 2240}
    ]  # fmt: skip
    assert call.billed_usd == pytest.approx(picture_usd("a fox") + 2240 * 1.5 / 1e6, abs=2e-6)


@pytest.mark.parametrize(
    ("inline", "said"),
    [
        ({"mimeType": "image/png", "data": ""}, "Unable to process input image"),
        ({"mimeType": "image/heic", "data": ""}, "Unable to process input image"),
        ({"mimeType": "image/png", "data": b64encode(b"no picture").decode()}, "Unable to process input image"),
        ({"mimeType": "image/png", "data": b64encode(b64decode(SPOT["data"])[:-30]).decode()}, "Unable to process"),
        ({"mimeType": "image/png", "data": "***"}, "Base64 decoding failed"),
        ({"mimeType": "image/png"}, "Base64 decoding failed"),
        ({"mimeType": "text/plain", "data": SPOT["data"]}, "Unsupported MIME type: text/plain"),
        ({"data": SPOT["data"]}, "Unsupported MIME type"),
        (SPOT | {"name": "fox"}, 'Unknown name "name"'),
    ],
)
def test_a_picture_sent_along_that_is_none_is_refused_unpaid(
    gemini: GeminiEmulator, inline: dict[str, Any], said: str
) -> None:
    status, answer, _ = ask(gemini, {"contents": [{"parts": [{"inlineData": inline}, {"text": "a fox"}]}]})
    assert status == 400
    assert said in answer["error"]["message"]
    assert gemini.journal()[0].billed_usd == 0


def test_more_than_14_pictures_are_refused(gemini: GeminiEmulator) -> None:
    parts = [{"inlineData": SPOT} for _ in range(15)]
    assert ask(gemini, {"contents": [{"parts": [*parts[:14], {"text": "a"}]}]})[0] == 200
    assert ask(gemini, {"contents": [{"parts": [*parts, {"text": "a"}]}]})[0] == 400


def test_a_model_can_be_looked_up_without_paying(gemini: GeminiEmulator) -> None:
    status, found = look_up(gemini, MODEL, "any")
    assert (status, found["name"]) == (200, f"models/{MODEL}")
    assert look_up(gemini, "gemini-retired", "any")[0] == 404
    gemini.set_api_keys({"right"})
    status, refused = look_up(gemini, MODEL, "wrong")
    assert (status, refused["error"]["details"][0]["reason"]) == (400, "API_KEY_INVALID")
    assert look_up(gemini, MODEL, "right")[0] == 200
    assert gemini.looked_up == [MODEL, "gemini-retired", MODEL, MODEL]
    assert gemini.journal() == []


# --- requests it refuses ----------------------------------------------------------------------------------------------


def test_a_missing_key_is_a_403_and_a_wrong_one_a_400_with_its_reason() -> None:
    with GeminiEmulator(api_keys={"right"}) as gemini:
        status, answer, _ = ask(gemini, key=None)
        assert (status, answer["error"]["status"]) == (403, "PERMISSION_DENIED")
        status, answer, _ = ask(gemini, key="wrong")
        assert (status, answer["error"]["status"]) == (400, "INVALID_ARGUMENT")
        info, said = answer["error"]["details"]
        assert said["message"] == answer["error"]["message"]
        assert (info["@type"], info["reason"]) == ("type.googleapis.com/google.rpc.ErrorInfo", "API_KEY_INVALID")
        assert ask(gemini, key="right")[0] == 200
        assert ask(gemini, key=None, path=f"/v1beta/models/{MODEL}:generateContent?key=right")[0] == 200
        assert [call.outcome for call in gemini.journal()] == ["rejected", "rejected", "ok", "ok"]
        assert [call.billed_usd > 0 for call in gemini.journal()] == [False, False, True, True]


def test_an_unknown_model_is_a_404(gemini: GeminiEmulator) -> None:
    status, answer, _ = ask(gemini, model="gemini-retired")
    assert (status, answer["error"]["code"], answer["error"]["status"]) == (404, 404, "NOT_FOUND")
    assert "models/gemini-retired" in answer["error"]["message"]


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (body_of(aspectRatio="7:3"), "generation_config.image_config.aspect_ratio"),
        (body_of(imageSize="64K"), "generation_config.image_config.image_size"),
        (body_of(ratio="16:9"), "generation_config.image_config"),
        (body_of() | {"generationConfig": {"aspectRatio": "16:9"}}, "generation_config"),
        (body_of() | {"generationConfig": {"responseModalities": ["SMELL"]}}, "generation_config.response_modalities"),
        ({"contents": [{"parts": [{"txt": "x"}]}]}, "contents[0].parts[0]"),
        ({"contents": []}, "contents"),
        (body_of("   "), "contents"),
    ],
)
def test_a_malformed_request_is_a_400_that_names_the_place(gemini: GeminiEmulator, body: Any, place: str) -> None:
    status, answer, _ = ask(gemini, body)
    assert (status, answer["error"]["status"]) == (400, "INVALID_ARGUMENT")
    (detail,) = answer["error"]["details"]
    assert detail["@type"] == "type.googleapis.com/google.rpc.BadRequest"
    assert detail["fieldViolations"][0]["field"] == place
    assert gemini.journal()[0].billed_usd == 0


def test_an_extreme_aspect_ratio_is_refused_by_models_that_cannot_draw_it(gemini: GeminiEmulator) -> None:
    assert ask(gemini, body_of(aspectRatio="8:1"), model="gemini-2.5-flash-image")[0] == 400


@pytest.mark.parametrize("body", [b"", b"not JSON", b"[]", b'{"prompt": "x"}'])
def test_what_is_no_request_is_a_400(gemini: GeminiEmulator, body: bytes) -> None:
    assert ask(gemini, body)[0] == 400
    assert gemini.journal()[0].outcome == "rejected"


def test_other_addresses_do_not_exist(gemini: GeminiEmulator) -> None:
    assert ask(gemini, path="/v1/images")[0] == 404
    assert gemini.journal() == []


# --- the journal ------------------------------------------------------------------------------------------------------


def test_calls_in_flight_can_be_awaited(gemini: GeminiEmulator) -> None:
    gemini.set_latency(30)
    clients = [in_background(gemini, f"picture {number}") for number in range(8)]
    calls = gemini.wait_for(lambda calls: sum(call.in_flight for call in calls) == 8)
    assert sorted(call.prompt for call in calls) == [f"picture {number}" for number in range(8)]
    assert [call.number for call in calls] == list(range(1, 9))
    assert {call.status for call in calls} == {None}
    for client in clients:
        client.close()


def test_waiting_in_vain_tells_what_there_is(gemini: GeminiEmulator) -> None:
    ask(gemini)
    with pytest.raises(TimeoutError, match="1:ok"):
        gemini.wait_for(lambda calls: len(calls) == 2, timeout=0.05)


def test_the_journal_knows_before_the_client_does(gemini: GeminiEmulator) -> None:
    for _ in range(20):
        ask(gemini, model="gemini-retired")
        assert not gemini.journal()[-1].in_flight


def test_a_reset_forgets_calls_and_plan_even_of_calls_in_flight(gemini: GeminiEmulator) -> None:
    gemini.plan([Fault(Hang()), Fault(ApiError(500), times=None)])
    client = in_background(gemini)
    gemini.wait_for(lambda calls: len(calls) == 1)
    gemini.reset()
    assert ask(gemini)[0] == 200
    client.close()
    assert [(call.number, call.outcome) for call in gemini.journal()] == [(1, "ok")]


def test_a_call_from_before_a_reset_changes_nothing_after_it() -> None:
    journal = Journal(Entry)
    old = journal.enter()
    journal.clear()
    journal.finish(old, "ok", 200)
    journal.enter()
    journal.note(old, status=200)
    (call,) = journal.calls()
    assert (call.number, call.outcome, call.status) == (1, "in_flight", None)


def test_stopping_gives_up_calls_in_flight_at_once() -> None:
    with GeminiEmulator(latency_seconds=60) as gemini:
        client = in_background(gemini)
        gemini.wait_for(lambda calls: len(calls) == 1)
        stopper = threading.Thread(target=gemini.stop)
        stopper.start()
        with pytest.raises(http.client.RemoteDisconnected):
            client.getresponse()
        stopper.join(timeout=5)
        assert not stopper.is_alive()
        gemini.wait_for(lambda calls: calls[0].outcome == "stopped")


# --- as a process -----------------------------------------------------------------------------------------------------


def test_the_help_shows_a_plan_that_can_be_used(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out
    [plan] = re.findall(r"^  \[\{.*?\]$", shown, re.MULTILINE | re.DOTALL)
    assert all(kind in shown for kind in ("api_error (status)", "hang,", "delay (seconds)", "cut_short"))
    assert [rule.action.kind for rule in faults_from_json(plan)] == ["no_image", "prompt_blocked", "api_error"]


def test_as_a_process_it_is_controlled_over_http_and_ends_on_sigterm(tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    plan.write_bytes(faults_to_json([Fault(ApiError(503))]))
    command = [
        sys.executable,
        "-m",
        "assetgen_emulators.gemini",
        "--port=0",
        "--latency=0.01",
        f"--faults={plan}",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        base_url = process.stdout.readline().strip()
        url = f"{base_url}/v1beta/models/{MODEL}:generateContent"

        def post(address: str, body: bytes) -> int:
            try:
                with urlopen(Request(address, body, {"x-goog-api-key": "any"}), timeout=10) as answer:
                    return int(answer.status)
            except HTTPError as error:
                return error.code

        question = json.dumps(body_of(aspectRatio="16:9")).encode()
        assert [post(url, question), post(url, question)] == [503, 200]
        assert [(call.outcome, call.prompt) for call in read_journal(base_url)] == [
            ("api_error", PROMPT),
            ("ok", PROMPT),
        ]
        late = faults_to_json([Fault(ApiError(500), nth=1), Fault(ApiError(429), times=None)])  # counted from now on
        with urlopen(f"{base_url}/standin/faults", late, timeout=10) as answer:
            assert json.load(answer) == "plan taken, 2 faults"
        assert post(f"{base_url}/standin/faults", b"nonsense") == 400
        assert [post(url, question), post(url, question)] == [500, 429]
        assert post(f"{base_url}/standin/reset", b"") == 200
        assert read_journal(base_url) == []
        assert post(url, question) == 200
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=10)
    assert (process.returncode, stderr) == (0, "")

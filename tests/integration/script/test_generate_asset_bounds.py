"""The real script as a process: bounds on what is answered, and the proxies of the environment."""

import io
import json
import zlib
from base64 import b64encode
from pathlib import Path

import pytest
from PIL import Image

from assetgen_emulators.gemini import GeminiEmulator
from assetgen_emulators.gemini.faults import Drip, Endless, Fault
from tests.helpers.generate_asset_runs import PROMPT, SCRIPT, Outcome, Script, http_answer, raw_server, script_for

#: A name that no name server knows: the call goes through a proxy, or nowhere.
ELSEWHERE = "http://gemini.invalid"


def run_elsewhere(script: Script, **environment: str) -> Outcome:
    return script.run(PROMPT, (), GOOGLE_GEMINI_BASE_URL=ELSEWHERE, **environment)


@pytest.fixture
def script(gemini: GeminiEmulator, tmp_path: Path) -> Script:
    return script_for(gemini, tmp_path)


@pytest.mark.parametrize("packed", [False, True])
def test_an_endless_answer_ends_at_64_mib_and_may_be_billed(
    gemini: GeminiEmulator, script: Script, packed: bool
) -> None:
    gemini.plan([Fault(Endless(packed=packed))])
    error = script.run().error
    assert error["kind"] == "lost_answer"
    assert "64 MiB" in error["message"]


@pytest.mark.parametrize("packed", [False, True])
def test_an_endless_error_is_cut_off_and_told_by_its_status(
    gemini: GeminiEmulator, script: Script, packed: bool
) -> None:
    gemini.plan([Fault(Endless(503, packed=packed))])
    error = script.run().error
    assert (error["kind"], error["http_status"]) == ("http", 503)


def test_an_answer_in_drops_ends_at_the_time_limit_for_the_whole(
    gemini: GeminiEmulator, script: Script, tmp_path: Path
) -> None:
    gemini.plan([Fault(Drip(0.05))])
    script.path = tmp_path / "impatient.py"
    script.path.write_text(SCRIPT.read_text().replace("TIMEOUT_SECONDS = 300.0", "TIMEOUT_SECONDS = 0.5"))
    error = script.run().error
    assert error["kind"] == "lost_answer"
    assert "0.5 s" in error["message"]


@pytest.mark.parametrize("header", [("Content-Encoding: gzip",), ()])
def test_an_answer_packed_by_a_gateway_is_unpacked(script: Script, header: tuple[str, ...]) -> None:
    packer = zlib.compressobj(wbits=31)
    body = packer.compress(json.dumps({"error": {"message": "leaked"}}).encode()) + packer.flush()
    with raw_server(http_answer(body, "403 Forbidden", *header)) as (address, _):
        assert "leaked" in script.run(GOOGLE_GEMINI_BASE_URL=address).error["message"]


def test_a_picture_that_unpacks_to_far_more_is_refused(script: Script) -> None:
    picture = io.BytesIO()
    Image.new("1", (10_000, 10_000)).save(picture, "TIFF", compression="group4")
    parts = [{"inlineData": {"mimeType": "image/tiff", "data": b64encode(picture.getvalue()).decode()}}]
    body = json.dumps({"candidates": [{"content": {"parts": parts}}]}).encode()
    with raw_server(http_answer(body)) as (address, _):
        error = script.run(GOOGLE_GEMINI_BASE_URL=address).error
    assert (error["kind"], error["received"]) == ("lost_answer", True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALL_PROXY", "socks5://127.0.0.1:9"),
        ("all_proxy", "socks://127.0.0.1:9/"),
        ("http_proxy", "https://user:secret@127.0.0.1:9"),
        ("HTTP_PROXY", "http://:8080"),
        ("http_proxy", "http://127.0.0.1:port"),
        ("http_proxy", "http://two words:8080"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_named_before_anything_is_sent(script: Script, name: str, value: str) -> None:
    outcome = run_elsewhere(script, **{name: value})
    assert outcome.error["kind"] == "configuration"
    assert outcome.sentence.startswith(f"{name} ")
    assert "gemini.invalid" in outcome.sentence
    assert "secret" not in outcome.stderr


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
def test_a_call_goes_through_the_proxy_of_the_environment(gemini: GeminiEmulator, script: Script, name: str) -> None:
    address = gemini.base_url if name.islower() else gemini.base_url.removeprefix("http://")
    assert run_elsewhere(script, **{name: address}).code == 0
    assert gemini.journal()[0].target.startswith(ELSEWHERE)


def test_a_proxy_for_the_scheme_counts_before_one_for_all(gemini: GeminiEmulator, script: Script) -> None:
    both = {"http_proxy": gemini.base_url, "ALL_PROXY": "socks://127.0.0.1:9"}
    assert run_elsewhere(script, **both).code == 0


def test_a_host_in_no_proxy_is_called_directly_whatever_else_is_in_it(script: Script) -> None:
    listed = {"ALL_PROXY": "socks5://127.0.0.1:9", "no_proxy": "localhost,fe80::/10,*.invalid"}
    error = run_elsewhere(script, **listed).error
    assert error["kind"] == "network"  # there is no such host


@pytest.mark.parametrize(
    ("status", "kind"), [("407 Proxy Authentication Required", "configuration"), ("502 Bad", "network")]
)
def test_a_proxy_that_refuses_to_connect_is_not_a_network_that_passes(script: Script, status: str, kind: str) -> None:
    with raw_server(http_answer(b"", status)) as (address, _):
        error = script.run(PROMPT, (), GOOGLE_GEMINI_BASE_URL="https://gemini.invalid", https_proxy=address).error
    assert error["kind"] == kind
    assert (error["reason"] == "PROXY_REFUSED") == (kind == "configuration")

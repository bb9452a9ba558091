"""The real script as a process, against the emulator: pictures, prompts, streams, and the file itself."""

import base64
import json
import os
import resource
import signal
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from assetgen_emulators.gemini import GeminiEmulator
from assetgen_emulators.gemini.faults import (
    AnyAction,
    ApiError,
    Fault,
    Gzip,
    Hang,
    JpegLabelledPng,
    NoUsage,
    OddPart,
    OddPicture,
    TextBeside,
    Thoughts,
    TwoImages,
)
from assetgen_emulators.painting import as_png, paint
from tests.helpers.generate_asset_runs import DRAWN, PROMPT, SCRIPT, Script, module, script_for


@pytest.fixture
def script(gemini: GeminiEmulator, tmp_path: Path) -> Script:
    return script_for(gemini, tmp_path)


def test_a_picture_is_drawn_and_its_usage_is_the_last_line(gemini: GeminiEmulator, script: Script) -> None:
    outcome = script.run()
    assert outcome.done == {"output": str(script.output), "model": "gemini-nano-banana-2.1", "usage": DRAWN}
    assert outcome.stderr == ""
    with Image.open(script.output) as picture:
        picture.load()
        assert (picture.format, picture.size) == ("PNG", (1376, 768))
    (call,) = gemini.journal()
    assert (call.prompt, call.model, call.aspect_ratio) == (PROMPT, "gemini-nano-banana-2.1", "16:9")


def test_the_key_goes_into_a_header_only(gemini: GeminiEmulator, script: Script) -> None:
    outcome = script.run()
    assert outcome.code == 0
    assert gemini.journal()[0].target == "/v1beta/models/gemini-nano-banana-2.1:generateContent"
    assert script.settings["GEMINI_API_KEY"] not in outcome.stdout + outcome.stderr


def test_model_and_aspect_ratio_come_from_the_environment(gemini: GeminiEmulator, script: Script) -> None:
    done = script.run(GEMINI_IMAGE_MODEL="models/gemini-2.5-flash-image", GEMINI_ASPECT_RATIO="9:16").done
    assert done["model"] == "gemini-2.5-flash-image"
    assert done["usage"]["image_tokens"] == 1290
    with Image.open(script.output) as picture:
        assert picture.size == (768, 1344)
    assert gemini.journal()[0].model == "gemini-2.5-flash-image"


@pytest.mark.parametrize(("level", "thoughts"), [("high", 1278), ("MINIMAL", 0)])
def test_the_thinking_level_comes_from_the_environment(script: Script, level: str, thoughts: int) -> None:
    assert script.run(GEMINI_THINKING_LEVEL=level).done["usage"] == DRAWN | {"text_tokens": 80 + thoughts}


def test_a_thinking_level_that_the_model_does_not_take_is_named(script: Script) -> None:
    outcome = script.run(GEMINI_THINKING_LEVEL="low")
    assert outcome.code == 1
    assert "change GEMINI_THINKING_LEVEL" in outcome.sentence


@pytest.mark.parametrize("base", ["{}/", "{}/v1beta", "{}/v1beta/"])
def test_the_base_url_may_end_in_a_slash_or_in_the_version(gemini: GeminiEmulator, script: Script, base: str) -> None:
    assert script.run(GOOGLE_GEMINI_BASE_URL=base.format(gemini.base_url)).code == 0


def test_a_proxy_is_not_asked_for_a_server_on_this_machine(script: Script) -> None:
    assert script.run(http_proxy="http://127.0.0.1:9", HTTP_PROXY="http://127.0.0.1:9").code == 0


def test_a_jpeg_labelled_png_becomes_a_real_png(gemini: GeminiEmulator, script: Script) -> None:
    gemini.plan([Fault(JpegLabelledPng())])
    assert script.run().done["usage"] == DRAWN
    assert script.output.read_bytes().startswith(b"\x89PNG")
    with Image.open(script.output) as picture:
        picture.load()
        assert picture.size == (1376, 768)


@pytest.mark.parametrize(
    "fault",
    [
        Thoughts(),
        Thoughts(after=True),
        TwoImages(),
        TextBeside(),
        OddPart(later=True),
        OddPart(""),
        OddPart(None),
        OddPart("application/octet-stream", later=True),
        Gzip(),
        Gzip(said=False),
    ],
    ids=repr,
)
def test_the_last_picture_that_is_no_thought_is_taken(gemini: GeminiEmulator, script: Script, fault: AnyAction) -> None:
    gemini.plan([Fault(fault)])
    assert script.run().code == 0
    assert script.output.read_bytes() == as_png(paint(PROMPT, 1376, 768))


def test_thoughts_and_words_count_as_text_tokens(gemini: GeminiEmulator, script: Script) -> None:
    gemini.plan([Fault(Thoughts(tokens=480)), Fault(TextBeside("Here you are!"))])
    assert script.run().done["usage"] == DRAWN | {"text_tokens": 80 + 480}
    assert script.run().done["usage"] == DRAWN | {"text_tokens": 4 + 639}


def test_an_answer_without_usage_says_so(gemini: GeminiEmulator, script: Script) -> None:
    gemini.plan([Fault(NoUsage()), Fault(NoUsage(only_details=True))])
    assert script.run().done["usage"] is None
    assert script.run().done["usage"] == DRAWN | {"image_tokens": 1120 + 80, "text_tokens": 639}


@pytest.mark.parametrize("fault", [OddPicture(256, 144), OddPicture(flat=True)])
def test_judging_a_picture_is_left_to_the_orchestrator(
    gemini: GeminiEmulator, script: Script, fault: AnyAction
) -> None:
    gemini.plan([Fault(fault)])
    assert script.run().code == 0
    assert script.output.exists()


@pytest.mark.parametrize(
    "prompt",
    [
        "---",
        "-h",
        "--output=elsewhere",
        "\"quotes\" 'and' `$(more)`\n\nlines\ttabs\\",
        "émoji 🦉 漢字",
        "long " * 20_000,
    ],
    ids=["dashes", "help", "option", "quotes", "unicode", "100 KB"],
)
def test_any_prompt_arrives_as_it_is(gemini: GeminiEmulator, script: Script, prompt: str) -> None:
    assert script.run(prompt).code == 0
    assert gemini.journal()[0].prompt == prompt


@pytest.mark.parametrize(
    "locale", [{"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}, {"LC_ALL": "C.UTF-8"}]
)
def test_a_prompt_arrives_whatever_the_locale(gemini: GeminiEmulator, script: Script, locale: dict[str, Any]) -> None:
    assert script.run("émoji 🦉".encode(), **locale).code == 0
    assert gemini.journal()[0].prompt == "émoji 🦉"


@pytest.mark.parametrize(
    "locale", [{"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}, {"LC_ALL": "C.UTF-8"}]
)
def test_bytes_that_are_no_text_do_not_end_in_a_traceback(
    gemini: GeminiEmulator, script: Script, locale: dict[str, Any]
) -> None:
    assert script.run(b"an owl \xff\xfe\xed\xa0\x80", **locale).code == 0
    assert gemini.journal()[0].prompt.startswith("an owl ")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-16"])
def test_an_emoji_in_a_message_does_not_stop_it_from_being_told(
    gemini: GeminiEmulator, script: Script, encoding: str
) -> None:
    gemini.plan([Fault(ApiError(500, None, "🦉 \ud800 is asleep"))])
    done = subprocess.run(
        script.command("🦉"), env=script.settings | {"PYTHONIOENCODING": encoding}, capture_output=True, check=False
    )
    stderr = done.stderr.decode(encoding)
    assert done.returncode == 1
    assert json.loads(stderr.splitlines()[-1])["error"]["http_status"] == 500
    assert "is asleep" in stderr.splitlines()[0]


def test_a_picture_is_a_success_even_if_nobody_can_be_told(script: Script) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            script.command("owl"), env=script.settings, stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert (done.returncode, done.stderr) == (0, b"")
    assert script.output.exists()


def test_an_interrupt_ends_it_quietly(gemini: GeminiEmulator, script: Script) -> None:
    gemini.plan([Fault(Hang())])
    # Where the tests run in the background of a shell, Ctrl-C is ignored, and children would inherit that.
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        script.command("owl"), env=script.settings, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    signal.signal(signal.SIGINT, usual)
    try:
        gemini.wait_for(lambda calls: len(calls) == 1 and calls[0].billed_usd)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=10)
    finally:
        process.kill()
        process.communicate()
    assert (process.returncode, stdout, stderr) == (1, b"", b"")
    gemini.wait_for(lambda calls: calls[0].outcome == "hang")
    assert list(script.output.parent.iterdir()) == []


@pytest.mark.parametrize(
    "arguments", [[], ["--prompt=x"], ["--output=x.png"], ["--prompt", "--", "--output=x.png"], ["--extra"]]
)
def test_a_wrong_command_line_is_a_usage_error(arguments: list[str]) -> None:
    done = subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, check=False)
    assert done.returncode == 2
    assert b"usage:" in done.stderr


def test_it_is_run_by_an_interpreter_and_not_by_itself() -> None:
    assert not os.access(SCRIPT, os.X_OK) or not SCRIPT.stat().st_mode & 0o111
    assert not SCRIPT.read_text().startswith("#!")


def test_starting_it_costs_little_cpu(script: Script) -> None:
    def cpu_seconds(command: list[str | bytes], settings: dict[str, str]) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, env=settings, capture_output=True, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    refused = script.settings | {"GOOGLE_GEMINI_BASE_URL": "http://127.0.0.1:9"}
    bare = min(cpu_seconds([sys.executable, "-c", "pass"], {}) for _ in range(3))
    started = min(cpu_seconds(script.command("owl"), refused) for _ in range(3))
    assert started - bare < 0.15


def test_every_damage_to_a_png_is_noticed() -> None:
    script = module()
    good = as_png(Image.new("RGB", (9, 7), (1, 2, 3)))
    assert script.is_complete_png(good)
    assert script.is_complete_png(good + b"trailing")
    assert not any(script.is_complete_png(good[:length]) for length in range(8, len(good)))
    for place in range(8, len(good)):
        damaged = bytearray(good)
        damaged[place] ^= 0x40
        assert not script.is_complete_png(bytes(damaged)), place


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("TIFF", mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16")]
    + [("WEBP", "RGB"), ("WEBP", "RGBA")],
)
def test_other_formats_become_png(kind: str, mode: str) -> None:
    script = module()
    original, encoded = Image.new(mode, (9, 7)), BytesIO()
    original.save(encoded, kind)
    with Image.open(BytesIO(script.as_png(base64.b64encode(encoded.getvalue()).decode()))) as picture:
        picture.load()
        assert (picture.format, picture.size) == ("PNG", (9, 7))

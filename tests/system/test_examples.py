"""The examples in ``assetgen COMMAND --help``: each is carried out as it stands there, against the emulators."""

import re
import shlex
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import psutil
import pytest
import typer

from assetgen_dagster.cli.main import EXIT_CODES, app, main
from assetgen_emulators.gemini import GeminiEmulator
from assetgen_emulators.notion import NotionEmulator
from tests.helpers.dev import eventually, free_port
from tests.helpers.harness import billed

#: They stay until Ctrl-C, so they need a process of their own; a worker needs a broker besides,
#: see tests/integration/launchers.
STAYING = ("demo", "dev")
ELSEWHERE = (*STAYING, "worker")

DOCUMENT = """# A short film

## Part 3: The Global Atmosphere Block

Soft morning light in a beech forest.

## Part 4: Master Prompts

### CHARACTERS

#### 1. Fox (Walking) [CORE]

```
A red fox walks through ferns.
```
"""


def examples() -> dict[str, list[list[str]]]:
    """Returns the examples of every command as its help has them, without ``assetgen``."""
    found = {}
    group = typer.main.get_command(app)
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        texts = re.findall(
            r"Example: assetgen (.+?)(?:\n\s*\n|\Z)", (command.help or "").replace("\\\n", " "), re.DOTALL
        )
        found[name] = [shlex.split(text) for text in texts]
    return found


def test_every_command_has_an_example_and_the_exit_codes_in_its_help() -> None:
    assert [name for name, given in examples().items() if name not in [words[0] for words in given]] == []
    group = typer.main.get_command(app)
    assert {command.epilog for command in group.commands.values()} == {EXIT_CODES}  # type: ignore[attr-defined]


def test_no_line_of_an_example_is_broken_by_a_terminal_of_80_columns() -> None:
    group = typer.main.get_command(app)
    for command in group.commands.values():  # type: ignore[attr-defined]
        _, _, given = (command.help or "").partition("Example: ")
        assert [line for line in given.splitlines() if len(line) > 78] == [], command.name


def test_every_example_is_a_command_line_that_is_understood() -> None:
    group = typer.main.get_command(app)
    for name, given in examples().items():
        command = group.commands[name]  # type: ignore[attr-defined]
        for words in given:
            assert command.make_context(name, words[1:]), words


@pytest.mark.slow
def test_every_example_does_what_it_says(
    gemini: GeminiEmulator,
    notion: NotionEmulator,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # One after the other in the order of the help, as somebody would try them: what one draws, another reads.
    (tmp_path / "03_assets.md").write_text(DOCUMENT)
    monkeypatch.chdir(tmp_path)
    for words in [words for name, given in examples().items() if name not in ELSEWHERE for words in given]:
        for page in re.findall(r"[0-9a-f]{32}", " ".join(words)):
            notion.share_page(page)
        monkeypatch.setattr(sys, "argv", ["assetgen", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert ended.value.code in (0, None), f"{shlex.join(words)}: {said.out}{said.err}"
        assert said.out, shlex.join(words)
    assert len(billed(gemini.journal())) == 22 + 3


@pytest.mark.slow
@pytest.mark.parametrize("name", STAYING)
def test_an_example_of_what_stays_opens_the_ui_until_ctrl_c(name: str, tmp_path: Path) -> None:
    [words] = examples()[name]
    # Another port, since that one may be in use; another folder, since that one may be somebody's.
    words = [
        str(free_port()) if before == "--port" else word for before, word in zip(["", *words], words, strict=False)
    ]
    folder = ["--folder", str(tmp_path / "demo")] if name == "demo" else []
    command, log = [sys.executable, "-m", "assetgen_dagster", *words, *folder], tmp_path / "log"
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        eventually(lambda: process.poll() is not None or "Ctrl-C ends it" in log.read_text(), seconds=150)
        [address] = set(re.findall(r"http://127\.0\.0\.1:\d+", log.read_text().split("Ctrl-C ends it", maxsplit=1)[0]))
        eventually(lambda: process.poll() is not None or answers(address))
        assert process.poll() is None, log.read_text()
    finally:
        family = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        process.send_signal(signal.SIGINT)
        process.wait(60)
        for left in psutil.wait_procs(family, timeout=20)[1]:
            left.kill()


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/server_info", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.mark.parametrize(
    "words",
    [
        ["generate", "--channel", "poke1"],
        ["generate", "--channel", "poke1", "--project", "one", "--document", "a.md", "--topic", "Foxes"],
        ["generate", "--channel", "poke1", "--project", "one", "--mode", "everything"],
        ["costs", "--month", "yesterday"],
        ["archive", "--finished-before", "yesterday"],
        ["archive"],
        ["init-notion", "--parent", "here"],
        ["no-such-command"],
    ],
)
def test_a_wrong_command_line_ends_with_exit_code_2(
    words: list[str], notion: NotionEmulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["assetgen", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert capsys.readouterr().err

"""Runs a script: no shell, own process group, a time limit, bounded output, nothing secret in its arguments.

Knows nothing of pictures. A script's output goes to files, not pipes: a script whose run was killed goes on to its
end instead of dying of a broken pipe, and what it said is still there for the next run.
"""

import asyncio
import contextlib
import errno
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from assetgen_dagster.errors import AssetgenError, Code
from assetgen_dagster.support.files import sync_folder
from assetgen_dagster.support.redact import redact

#: What is read of each output stream: its beginning and its end.
OUTPUT_BYTES = 32 * 1024

#: A script that prints more than this is ended: it would fill the disk.
_RUNAWAY_BYTES = 64 * 1024 * 1024
_WATCH_SECONDS = 1.0
_MARGIN_BYTES = 512

#: 126 and 127 are what a shell answers for these two; foreign scripts never return them by themselves.
NOT_EXECUTABLE = 126
NOT_FOUND = 127


#: No process, memory or open file is left: nothing that is wrong with the script.
_EXHAUSTED = frozenset({errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE})


class CLIScriptError(AssetgenError):
    """A script could not be started, or ended with another code than 0.

    Attributes:
        script: The script's path.
        exit_code: Its exit code; negative for a signal, 126 if it may not be executed, 127 if it is not there.
        stderr: What it wrote to stderr, decoded leniently, shortened in the middle, secrets masked.
        stdout: The same of stdout.
        errno: Why the system did not start it; 0 if it did.
    """

    def __init__(self, script: str, exit_code: int, stderr: str, stdout: str = "", *, errno: int = 0) -> None:
        self.script = script
        self.exit_code = exit_code
        self.stderr = stderr
        self.stdout = stdout
        self.errno = errno
        said = stderr.strip()[-500:] or "it gave no reason"
        # The code until the provider has read what it said.
        super().__init__(f"{script} ended with exit code {exit_code}: {said}", code=Code.UNRECOGNISED)

    @property
    def exhausted(self) -> bool:
        """Whether it was not started because the machine had nothing left to start it with."""
        return self.errno in _EXHAUSTED


class ScriptTimeoutError(TimeoutError):
    """A script ran over its time limit and was ended with all its children."""


class ScriptRunawayError(RuntimeError):
    """A script printed more than any log is worth, and was ended with all its children."""


@dataclass(frozen=True)
class ScriptOutput:
    """What a script left besides its files.

    Attributes:
        stdout: Decoded leniently, shortened in the middle, secrets masked.
        stderr: The same of stderr.
    """

    stdout: str
    stderr: str


async def run_cli_script(
    script: Path,
    args: Sequence[str],
    *,
    timeout: float = 60,  # noqa: ASYNC109 - the story's signature, and the limit ends the script's whole process group
    env: Mapping[str, str] | None = None,
    log: Path | None = None,
    inherit: Sequence[int] = (),
    started: Callable[[int], None] = lambda _pid: None,
) -> ScriptOutput:
    """Runs ``script`` with ``args`` and waits for it.

    Args:
        script: A Python file, or anything executable.
        args: Its arguments; they are visible to other users of the machine, so nothing secret belongs here.
        timeout: Seconds until it is ended.
        env: Its whole environment; ours when not given.
        log: Where its output goes: ``<log>.stdout`` and ``<log>.stderr``. Temporary files when not given.
        inherit: Descriptors that it keeps open, such as a lock.
        started: Called with its process id, which is its group's, too.

    Raises:
        CLIScriptError: It could not be started, or its exit code is not 0.
        ScriptTimeoutError: It took longer than ``timeout``.
        ScriptRunawayError: It printed without end.
        ValueError: An argument cannot be passed to a program (NUL, unpaired surrogate).
    """
    with contextlib.ExitStack() as stack:
        base = log or Path(stack.enter_context(tempfile.TemporaryDirectory())) / "script"
        process = await _start(script, args, env=env, base=base, inherit=inherit)
        try:
            started(process.pid)
            await _wait(process, base, timeout)
        except BaseException:
            # Whatever ends us - a cancelled run included - ends the script and its children.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            await asyncio.shield(process.wait())
            raise
        output = ScriptOutput(*read_output(base))
        if process.returncode:
            raise CLIScriptError(str(script), process.returncode, output.stderr, output.stdout)
        return output


def read_output(log: Path) -> tuple[str, str]:
    """Returns what a script wrote to ``<log>.stdout`` and ``<log>.stderr``; empty where there is no file."""
    return _read(_stdout(log)), _read(_stderr(log))


def output_files(log: Path) -> tuple[Path, Path]:
    """Returns the files that hold a script's stdout and stderr."""
    return _stdout(log), _stderr(log)


def command(script: Path) -> list[str]:
    """Returns how to start a script.

    A file with an executable bit and a ``#!`` line is started as it says, so that a producer's script can name its
    own environment; other Python files are started by the interpreter that runs us.

    Raises:
        CLIScriptError: It is not there, or nothing can execute it.
    """
    try:
        with script.open("rb") as file:
            names_interpreter = file.read(2) == b"#!"
    except (FileNotFoundError, NotADirectoryError):
        raise CLIScriptError(str(script), NOT_FOUND, "script not found") from None
    except OSError as error:
        raise _not_started(script, "cannot read the script", error) from None
    executable = os.access(script, os.X_OK)
    if executable and (names_interpreter or script.suffix != ".py"):
        return [str(script)]
    if script.suffix == ".py":
        return [sys.executable, str(script)]
    raise CLIScriptError(str(script), NOT_EXECUTABLE, "the script is not executable")


async def _start(
    script: Path, args: Sequence[str], *, env: Mapping[str, str] | None, base: Path, inherit: Sequence[int]
) -> asyncio.subprocess.Process:
    start = command(script)
    with _stdout(base).open("wb") as stdout, _stderr(base).open("wb") as stderr:
        try:
            process = await asyncio.create_subprocess_exec(
                *start,
                *args,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                env=dict(env) if env is not None else None,
                pass_fds=tuple(inherit),
                start_new_session=True,
            )
        except FileNotFoundError:
            raise CLIScriptError(
                str(script), NOT_FOUND, "the interpreter that the script's first line names is not there"
            ) from None
        except OSError as error:
            raise _not_started(script, "cannot start the script", error) from None
    # After a power loss the files tell that it had begun. Not before its start: a run that dies in between would list a
    # call that never was.
    with contextlib.suppress(OSError):
        sync_folder(base.parent)
    return process


def _not_started(script: Path, what: str, error: OSError) -> CLIScriptError:
    return CLIScriptError(str(script), NOT_EXECUTABLE, f"{what}: {error.strerror}", errno=error.errno or 0)


async def _wait(process: asyncio.subprocess.Process, base: Path, timeout: float) -> None:  # noqa: ASYNC109 - as above
    deadline = time.monotonic() + timeout
    ended = asyncio.ensure_future(process.wait())
    while (left := deadline - time.monotonic()) > 0:
        # Not wait_for: where a cancellation and the script's end coincide, Python 3.11's loses the cancellation.
        if (await asyncio.wait({ended}, timeout=min(left, _WATCH_SECONDS)))[0]:
            return
        if any(path.stat().st_size > _RUNAWAY_BYTES for path in output_files(base)):
            raise ScriptRunawayError(f"the script printed more than {_RUNAWAY_BYTES >> 20} MiB and was ended")
    raise ScriptTimeoutError(f"over {timeout:g} s")


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            if size <= 2 * OUTPUT_BYTES:
                return redact(file.read().decode(errors="replace"))
            # Masked before it is cut: half a key would not be recognised.
            beginning = redact(file.read(OUTPUT_BYTES + _MARGIN_BYTES).decode(errors="replace"))
            file.seek(size - OUTPUT_BYTES - _MARGIN_BYTES)
            end = redact(file.read().decode(errors="replace"))
            return f"{beginning[:OUTPUT_BYTES]}\n[...]\n{end[-OUTPUT_BYTES:]}"
    except FileNotFoundError:
        return ""


def _stdout(base: Path) -> Path:
    return base.with_name(f"{base.name}.stdout")


def _stderr(base: Path) -> Path:
    return base.with_name(f"{base.name}.stderr")

"""Runs a script: no shell, own process group, time limit, bounded output, no secrets in its arguments.

Output goes to files, not pipes: a script whose run was killed continues to its end instead of dying of a broken pipe,
and the next run can read its output.
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
from assetgen_dagster.support.files import remove, reserve, sync_folder
from assetgen_dagster.support.redact import redact

#: Bytes to read from the beginning and from the end of each output stream.
OUTPUT_BYTES = 32 * 1024

#: A script that prints more than this is killed: it would fill the disk.
_RUNAWAY_BYTES = 64 * 1024 * 1024
_WATCH_SECONDS = 0.5
_MARGIN_BYTES = 512

#: Disk space held for each output stream, so that a script can report what it cost when the disk is full.
_REPORT_BYTES = 8 * 1024

#: As in a shell; scripts do not return these by themselves.
NOT_EXECUTABLE = 126
NOT_FOUND = 127


#: The machine has no process, memory or open file left; the script is fine.
_EXHAUSTED = frozenset({errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE})


class CLIScriptError(AssetgenError):
    """A script could not be started, or exited with a code other than 0.

    Attributes:
        script: The script's path.
        exit_code: Its exit code; negative for a signal, 126 if not executable, 127 if not found.
        stderr: Its stderr, decoded leniently, shortened in the middle, secrets masked.
        stdout: Its stdout, likewise.
        errno: The operating system's error if it could not be started, else 0.
    """

    def __init__(self, script: str, exit_code: int, stderr: str, stdout: str = "", *, errno: int = 0) -> None:
        self.script = script
        self.exit_code = exit_code
        self.stderr = stderr
        self.stdout = stdout
        self.errno = errno
        reason = stderr.strip()[-500:] or "no output on stderr"
        # The provider replaces the code when it classifies the error.
        super().__init__(f"{script} ended with exit code {exit_code}: {reason}", code=Code.UNRECOGNISED)

    @property
    def exhausted(self) -> bool:
        """Whether the machine had no resources left to start it."""
        return self.errno in _EXHAUSTED


class ScriptTimeoutError(TimeoutError):
    """A script exceeded its time limit and was killed with all its children."""


class ScriptRunawayError(RuntimeError):
    """A script printed too much, and was killed with all its children."""


@dataclass(frozen=True)
class ScriptOutput:
    """The output of a script that succeeded.

    Attributes:
        stdout: Decoded leniently, shortened in the middle, secrets masked.
        stderr: Likewise.
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
    watch: Callable[[], None] = lambda: None,
) -> ScriptOutput:
    """Runs ``script`` with ``args`` and waits for it.

    Args:
        script: A Python file, or anything executable.
        args: Its arguments; no secrets, because other users of the machine can see them.
        timeout: Seconds until it is killed.
        env: Its whole environment; by default ours.
        log: Base path of its output files ``<log>.stdout`` and ``<log>.stderr``; by default temporary files.
        inherit: Descriptors that it keeps open, such as a lock.
        started: Called with its process id, which is also its process group.
        watch: Called twice a second while it runs.

    Raises:
        CLIScriptError: It could not be started, or its exit code is not 0.
        ScriptTimeoutError: It took longer than ``timeout``.
        ScriptRunawayError: It printed too much.
        ValueError: An argument cannot be passed to a program (NUL, unpaired surrogate).
    """
    with contextlib.ExitStack() as stack:
        base = log or Path(stack.enter_context(tempfile.TemporaryDirectory())) / "script"
        process = await _start(script, args, env=env, base=base, inherit=inherit)
        try:
            started(process.pid)
            await _wait(process, base, timeout, watch)
        except BaseException:
            # Also on cancellation: the script and its children must not survive.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            await asyncio.shield(process.wait())
            raise
        output = ScriptOutput(*read_output(base))
        if process.returncode:
            raise CLIScriptError(str(script), process.returncode, output.stderr, output.stdout)
        return output


def read_output(log: Path) -> tuple[str, str]:
    """Returns the contents of ``<log>.stdout`` and ``<log>.stderr``; empty for a missing file."""
    return _read(_stdout(log)), _read(_stderr(log))


def output_files(log: Path) -> tuple[Path, Path]:
    """Returns the files that hold a script's stdout and stderr."""
    return _stdout(log), _stderr(log)


def command(script: Path) -> list[str]:
    """Returns the command that starts a script.

    An executable file with a ``#!`` line is started directly, so that a producer's script can choose its own
    environment; other Python files are started by our interpreter.

    Raises:
        CLIScriptError: It is missing or cannot be executed.
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
    _make_output_files(base)
    with _stdout(base).open("r+b") as stdout, _stderr(base).open("r+b") as stderr:
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
                str(script), NOT_FOUND, "the interpreter named in the script's first line does not exist"
            ) from None
        except OSError as error:
            raise _not_started(script, "cannot start the script", error) from None
    # After a power loss, the files prove that it had started. Synced after the start: otherwise a run that dies in
    # between would list a call that was never made.
    with contextlib.suppress(OSError):
        sync_folder(base.parent)
    return process


def _make_output_files(base: Path) -> None:
    """Makes both, or none: they prove that the script was started."""
    try:
        for path in output_files(base):
            path.write_bytes(b"")
            reserve(path, _REPORT_BYTES)
    except OSError:
        for path in output_files(base):
            remove(path)
        raise


def _not_started(script: Path, what: str, error: OSError) -> CLIScriptError:
    return CLIScriptError(str(script), NOT_EXECUTABLE, f"{what}: {error.strerror}", errno=error.errno or 0)


async def _wait(
    process: asyncio.subprocess.Process,
    base: Path,
    timeout: float,  # noqa: ASYNC109 - as above
    watch: Callable[[], None],
) -> None:
    deadline = time.monotonic() + timeout
    ended = asyncio.ensure_future(process.wait())
    while (left := deadline - time.monotonic()) > 0:
        # Not wait_for: if a cancellation and the script's end coincide, Python 3.11's loses the cancellation.
        if (await asyncio.wait({ended}, timeout=min(left, _WATCH_SECONDS)))[0]:
            return
        watch()
        if any(path.stat().st_size > _RUNAWAY_BYTES for path in output_files(base)):
            raise ScriptRunawayError(f"the script printed more than {_RUNAWAY_BYTES >> 20} MiB and was killed")
    raise ScriptTimeoutError(f"over {timeout:g} s")


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            if size <= 2 * OUTPUT_BYTES:
                return redact(_text(file.read()))
            # Redacted before cutting: half a key would not be recognised.
            beginning = redact(_text(file.read(OUTPUT_BYTES + _MARGIN_BYTES)))
            file.seek(size - OUTPUT_BYTES - _MARGIN_BYTES)
            end = redact(_text(file.read()))
            return f"{beginning[:OUTPUT_BYTES]}\n[...]\n{end[-OUTPUT_BYTES:]}"
    except FileNotFoundError:
        return ""


def _text(content: bytes) -> str:
    return content.decode(errors="replace").replace("\0", "")  # without the rest of what is held for it


def _stdout(base: Path) -> Path:
    return base.with_name(f"{base.name}.stdout")


def _stderr(base: Path) -> Path:
    return base.with_name(f"{base.name}.stderr")

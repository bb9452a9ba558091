"""Reference pictures while a project is drawn: whether the script takes them, and who waits for whom.

Which picture refers to which is the manifest's matter (``manifest.references``).
"""

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from assetgen_dagster.drawing.events import Task
from assetgen_dagster.drawing.picture import check_asset_exists, file_sha256
from assetgen_dagster.errors import Code, OneCodeError
from assetgen_dagster.project.records import Reference
from assetgen_dagster.providers import failures
from assetgen_dagster.providers.failures import Failure
from assetgen_dagster.providers.script import CLIScriptError, ScriptRunawayError, ScriptTimeoutError, run_cli_script
from assetgen_dagster.settings import Settings

_OPTION = re.compile(r"(?<![\w-])--reference-image(?![\w-])")

#: What a script may take to say what it can do: many import much first, and the machine may be busy.
_HELP_SECONDS = 30.0

#: Whether a script takes references, by its path and time of change.
_known: dict[tuple[Path, int], bool] = {}


class HelpUnansweredError(OneCodeError):
    """Nobody knows whether the script takes references; a guess would be paid for, and again when it proves wrong."""

    code = Code.SCRIPT_HELP

    def __init__(self, script: Path, why: str) -> None:
        super().__init__(
            f"{script} --help {why}, so it is not known whether it takes reference pictures; nothing was drawn. Run "
            f"again. If it stays so, let --help answer within {_HELP_SECONDS:g} s (parse arguments before slow "
            "imports), or empty the lists called references in the manifest."
        )


async def takes_references(settings: Settings) -> bool:
    """Returns whether the script that draws has the option ``--reference-image``, by its own ``--help``.

    Asked once for each version of a script, and never of our own. The script gets no key, so that one that draws
    whatever it is told cannot spend anything.

    Raises:
        HelpUnansweredError: It could not say.
    """
    if settings.own_script:
        return True
    try:
        key = settings.script, settings.script.stat().st_mtime_ns
    except OSError:
        return False  # that it is not there is found before anything is paid for
    if key not in _known:
        environment = settings.script_environment() | {"GEMINI_API_KEY": "none-for-help"}
        try:
            output = await run_cli_script(settings.script, ["--help"], timeout=_HELP_SECONDS, env=environment)
        except ScriptTimeoutError:
            raise HelpUnansweredError(settings.script, f"did not end within {_HELP_SECONDS:g} s") from None
        except OSError as error:
            raise HelpUnansweredError(settings.script, f"could not be asked ({error.strerror})") from None
        except CLIScriptError as error:
            if error.exhausted or error.exit_code < 0:
                why = error.stderr if error.exhausted else f"was ended by signal {-error.exit_code}"
                raise HelpUnansweredError(settings.script, f"could not be asked ({why})") from None
            return False
        except ScriptRunawayError:
            return False
        _known[key] = bool(_OPTION.search(output.stdout + output.stderr))
    return _known[key]


@dataclass(frozen=True)
class Given:
    """The reference pictures of one call, in order.

    Attributes:
        files: What the script is given.
        recorded: What is remembered of them.
    """

    files: tuple[Path, ...] = ()
    recorded: tuple[Reference, ...] = ()


class ReferenceScheduler:
    """Lets each picture wait for those it refers to, and hands their files out.

    Args:
        tasks: Everything that this run draws.
        files: Where the manifest's pictures lie, by name.
    """

    def __init__(self, tasks: Iterable[Task], files: dict[str, Path]) -> None:
        tasks = list(tasks)
        self._files = files
        self._ends = {task.asset.name: asyncio.Event() for task in tasks}
        self._drawn: set[str] = set()
        self._wanted = {name for task in tasks for name in task.references}

    def first(self, tasks: Iterable[Task]) -> list[Task]:
        """Returns the tasks with those in front that others wait for."""
        return sorted(tasks, key=lambda task: task.asset.name not in self._wanted)

    def ended(self, task: Task, *, drawn: bool) -> None:
        """Notes how a picture ended; whoever waits for it goes on."""
        if drawn:
            self._drawn.add(task.asset.name)
        self._ends[task.asset.name].set()

    async def wait(self, task: Task) -> Failure | None:
        """Waits for the pictures that a picture refers to; returns why it cannot be drawn, if so."""
        for name in task.references:
            if name in self._ends:
                await self._ends[name].wait()
                if name not in self._drawn:
                    return failures.reference_failed(name)
            elif not check_asset_exists(self._files[name]):
                return failures.reference_missing(name)
        return None

    def give(self, task: Task) -> Given | Failure:
        """Returns the files of the pictures that a picture refers to, as they are now; a failure if one is gone."""
        recorded = []
        for name in task.references:
            sha256 = file_sha256(self._files[name])
            if sha256 is None:
                return failures.reference_missing(name)
            recorded.append(Reference(name=name, sha256=sha256))
        return Given(tuple(self._files[name] for name in task.references), tuple(recorded))

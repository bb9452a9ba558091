"""Finds out from ``--help`` whether a producer's script takes reference pictures."""

import re
from collections.abc import Mapping
from pathlib import Path

from assetgen_dagster.errors import Code, OneCodeError
from assetgen_dagster.providers.cli_script import (
    CLIScriptError,
    ScriptRunawayError,
    ScriptTimeoutError,
    run_cli_script,
)

_OPTION = re.compile(r"(?<![\w-])--reference-image(?![\w-])")

#: Time limit of ``--help``: many scripts import a lot first, and the machine may be busy.
_HELP_SECONDS = 30.0

#: Whether a script takes references, by path and modification time.
_known: dict[tuple[Path, int | None], bool] = {}


class HelpUnansweredError(OneCodeError):
    """The script did not answer ``--help``; drawing on a wrong guess would cost twice."""

    code = Code.SCRIPT_HELP

    def __init__(self, script: Path, why: str) -> None:
        super().__init__(
            f"{script} --help {why}, so it is unknown whether the script takes reference pictures; nothing was drawn. "
            f"Run again. If the error persists, make --help answer within {_HELP_SECONDS:g} s (parse arguments before "
            "slow imports), or empty the lists called references in the manifest."
        )


async def has_reference_option(script: Path, environment: Mapping[str, str]) -> bool:
    """Returns whether a script has the option ``--reference-image``; runs each version of a script once.

    Raises:
        HelpUnansweredError: The script did not answer.
    """
    key = script, _changed_at(script)
    if key not in _known:
        try:
            output = await run_cli_script(script, ["--help"], timeout=_HELP_SECONDS, env=environment)
        except ScriptTimeoutError:
            raise HelpUnansweredError(script, f"did not end within {_HELP_SECONDS:g} s") from None
        except OSError as error:
            raise HelpUnansweredError(script, f"could not be run ({error.strerror})") from None
        except CLIScriptError as error:
            if error.exhausted or error.exit_code < 0:
                why = error.stderr if error.exhausted else f"was ended by signal {-error.exit_code}"
                raise HelpUnansweredError(script, f"could not be run ({why})") from None
            return False
        except ScriptRunawayError:
            return False
        _known[key] = bool(_OPTION.search(output.stdout + output.stderr))
    return _known[key]


def _changed_at(script: Path) -> int | None:
    try:
        return script.stat().st_mtime_ns
    except OSError:
        return None  # the preflight reports a missing script

"""Classifies the failures of a script that are the same for every provider: not started, killed, disk full.

The provider classifies what its API answered.
"""

import errno
import re
from collections.abc import Callable

from assetgen_dagster.errors import Code
from assetgen_dagster.providers.cli_script import NOT_EXECUTABLE, NOT_FOUND, CLIScriptError
from assetgen_dagster.providers.failures import MAX_RETRIES, Failure, bounded, cannot_write, lost
from assetgen_dagster.providers.script_report import PROXY_REFUSED, UNTRUSTED_CERTIFICATE, ScriptFailure, ScriptReport

#: Classifies a report of the kinds ``http`` and ``no_image``; the second argument is its cause for people.
ApiReader = Callable[[ScriptFailure, str], Failure]

#: Finds such a report in a script's plain text output; the second argument is its last line.
TextReader = Callable[[str, str], ScriptFailure | None]

#: What scripts print about failures of the machine; the first match wins.
_MACHINE: tuple[tuple[re.Pattern[str], Code], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), code)
    for pattern, code in (
        (
            r"No space left on device|Disk quota exceeded|PermissionError|\[Errno 13\]|Read-only file system",
            Code.CANNOT_WRITE,
        ),
        (r"ModuleNotFoundError|ImportError", Code.SCRIPT_PACKAGES),
        (
            r"error: (?:the following arguments are required|unrecognized arguments)|no such option",
            Code.SCRIPT_ARGUMENTS,
        ),
    )
)

#: Remedies of configuration failures, by reason.
_REMEDIES = {
    PROXY_REFUSED: (
        "Give https_proxy the user and password that the proxy wants, USER:PASSWORD@ before its host, or have the "
        "proxy allow the API"
    ),
    UNTRUSTED_CERTIFICATE: (
        "Set SSL_CERT_FILE to a file with the certificate authority of your network or proxy, or correct this "
        "machine's clock or GOOGLE_GEMINI_BASE_URL"
    ),
}


def classify_end(
    error: CLIScriptError,
    report: ScriptReport,
    *,
    read_api: ApiReader,
    read_text: TextReader = lambda _text, _cause: None,
) -> Failure:
    """Returns the failure behind a script's end.

    Args:
        error: Exit code and output.
        report: The script's JSON report; may be empty.
        read_api: The provider's classification of API errors.
        read_text: The provider's reading of plain text output, for scripts that print no JSON.
    """
    if report.error is not None:
        return classify_reported(report.error, read_api)
    if error.exit_code in (NOT_FOUND, NOT_EXECUTABLE):
        return _cannot_start(error)
    if error.exit_code < 0:
        return lost(f"the script was ended by signal {-error.exit_code} (out of memory?)", code=Code.SCRIPT_KILLED)
    # Python writes the cause last; some scripts print their errors to stdout.
    text = error.stderr.strip() or error.stdout.strip()
    cause = bounded(text.splitlines()[-1].strip()) if text else f"exit code {error.exit_code} without any output"
    # Failures of the machine take precedence over failures of the network.
    code = next((code for pattern, code in _MACHINE if pattern.search(text)), None)
    if code is not None:
        return Failure(code, cause)
    failure = read_text(text, cause)
    return _unrecognised(cause) if failure is None else classify_reported(failure, read_api)


def classify_reported(failure: ScriptFailure, read_api: ApiReader) -> Failure:
    """Returns the failure that a script, or a call of ours, reports."""
    cause = bounded(failure.message) or f"the script failed ({failure.kind})"
    match failure.kind:
        case "http" | "no_image":
            return read_api(failure, cause)
        case "network":
            return Failure(Code.NETWORK, cause, max_retries=MAX_RETRIES)
        case "lost_answer":
            return lost(cause)
        case "file":
            return cannot_write(cause)
        case "reference":
            return Failure(Code.REFERENCE_UNUSABLE, cause)
        case "configuration":
            return Failure(Code.CONFIGURATION, cause, _REMEDIES.get(failure.reason or "", ""))
        case _:
            return _unrecognised(cause)


def _cannot_start(error: CLIScriptError) -> Failure:
    if error.errno == errno.E2BIG:  # Linux takes at most 128 KiB an argument
        return Failure(Code.PROMPT_TOO_LONG, "the prompt is longer than 128 KiB")
    if error.exhausted:
        return Failure(Code.MACHINE_EXHAUSTED, error.stderr, max_retries=MAX_RETRIES)
    if error.exit_code == NOT_FOUND:
        remedy = "Set ASSETGEN_SCRIPT to a script that exists"
    else:
        remedy = f"Make it executable (chmod +x {error.script}) or set ASSETGEN_SCRIPT to another"
    return Failure(Code.SCRIPT_CANNOT_START, f"{error.script}: {error.stderr}", remedy)


def _unrecognised(cause: str) -> Failure:
    return Failure(Code.UNRECOGNISED, cause, max_retries=1)

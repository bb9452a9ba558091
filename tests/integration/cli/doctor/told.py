"""What the doctor tells: the problems, and the command as a process."""

import subprocess

from assetgen_dagster.cli.doctor.examine import examine
from assetgen_dagster.cli.doctor.finding import Finding
from tests.conftest import API_KEY
from tests.helpers import commands


def problems() -> list[Finding]:
    found = [finding for finding in examine() if not finding.ok]
    for finding in found:
        assert finding.detail
        assert finding.remedy, finding
        assert "\n" not in str(finding)
        assert API_KEY not in str(finding)
    return found


def problem() -> str:
    [found] = problems()
    return str(found)


def command(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return commands.run(*arguments)

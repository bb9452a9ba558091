"""What operators copy from ``deploy/``: held against the schema of Compose, our settings, and rules of ours.

Docker is not needed: see ``docs/deploy.md`` for what was run and what was not.
"""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from assetgen_dagster.settings import ENV_FILE_VARIABLE, PROJECT_ROOT, Settings

DEPLOY = PROJECT_ROOT / "deploy"
COMPOSE_FILES = sorted(DEPLOY.glob("*/*compose*.yaml"))

SETTINGS = {str(field.alias) for field in Settings.model_fields.values()} | {ENV_FILE_VARIABLE}

#: Read by PostgreSQL's image and by Dagster.
OTHERS = {"POSTGRES_DB", "POSTGRES_USER", "POSTGRES_PASSWORD", "DAGSTER_HOME", "DAGSTER_DISABLE_TELEMETRY"}

SECRETS = {"GEMINI_API_KEY", "NOTION_TOKEN"}

compose = pytest.mark.parametrize("path", COMPOSE_FILES, ids=lambda path: f"{path.parent.name}/{path.name}")


def services(path: Path) -> dict[str, dict[str, Any]]:
    return dict(yaml.safe_load(path.read_text())["services"])


def environment(service: dict[str, Any]) -> dict[str, str | None]:
    return dict(service.get("environment") or {})


def ours(path: Path) -> dict[str, dict[str, Any]]:
    return {name: one for name, one in services(path).items() if str(one["image"]).startswith("assetgen-dagster:")}


def interpolated(path: Path) -> set[str]:
    """Returns the variables that Compose itself is to replace."""
    return set(re.findall(r"\$\{(\w+)", path.read_text()))


@compose
def test_compose_files_keep_to_the_schema(path: Path) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@compose
def test_every_environment_variable_is_one_that_somebody_reads(path: Path) -> None:
    named = interpolated(path).union(*(environment(one) for one in services(path).values()))
    assert named - SETTINGS - OTHERS == set()


def test_every_setting_of_the_env_file_reaches_the_process_that_draws() -> None:
    [code] = [one for one in ours(DEPLOY / "compose/compose.yaml").values() if "code-server" in one["command"]]
    assert code["env_file"] == [{"path": ".env", "required": False}]
    assert set(environment(code)) >= SECRETS


@compose
def test_no_file_holds_a_secret(path: Path) -> None:
    for service in services(path).values():
        for name in SECRETS & set(environment(service)):
            assert environment(service)[name] is None
    for line in path.read_text().splitlines():
        if "PASSWORD" in line and not line.lstrip().startswith("#"):
            assert "${POSTGRES_PASSWORD:?" in line


@compose
def test_services_are_limited_looked_at_and_started_again(path: Path) -> None:
    for name, service in services(path).items():
        assert service["restart"] == "unless-stopped", name
        assert re.fullmatch(r"\d+[mg]", service["mem_limit"]), name
        assert service["healthcheck"]["test"][0] == "CMD", name
        assert re.search(r":\d+\.\d+", service["image"]), f"{name}: {service['image']} is no pinned version"


@compose
def test_our_services_run_as_a_normal_user_that_may_do_nothing_else(path: Path) -> None:
    for service in ours(path).values():
        assert service["user"] == "10001:10001"
        assert service["cap_drop"] == ["ALL"]
        assert service["read_only"] is True


@compose
def test_there_is_one_daemon_at_most_and_compose_would_refuse_a_second(path: Path) -> None:
    daemons = [one for one in ours(path).values() if one["command"][0] == "dagster-daemon"]
    assert len(daemons) <= 1
    assert all("container_name" in one for one in daemons)


@compose
def test_the_ui_is_on_this_machine_only(path: Path) -> None:
    for service in services(path).values():
        if service.get("command", [""])[0] == "dagster-webserver":
            assert service["ports"] == ["127.0.0.1:3000:3000"]


def test_the_database_is_not_reachable_from_outside() -> None:
    assert "ports" not in services(DEPLOY / "compose/compose.yaml")["postgres"]


def test_the_image_holds_what_was_locked_and_runs_as_a_normal_user() -> None:
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    [base] = [line for line in lines if line.startswith("FROM ")]
    assert re.fullmatch(r"FROM python:3\.11\.\d+-slim-\w+", base)
    installs = [line for line in lines if "pip install" in line]
    assert all("--require-hashes" in line or "--no-deps" in line for line in installs)
    [user] = [line for line in lines if line.startswith("USER ")]
    assert user == "USER 10001:10001"
    assert lines.index(user) > max(lines.index(line) for line in installs)


def test_the_image_gets_no_env_file_and_no_pictures() -> None:
    allowed = (PROJECT_ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in allowed
    assert "**/.env" in allowed
    assert not any("workspace" in line for line in allowed if line.startswith("!"))

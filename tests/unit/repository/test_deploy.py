"""What operators copy from ``deploy/``: held against the schema of Compose, our settings, and rules of ours.

Docker is not needed: see ``docs/deploy.md`` for what was run and what was not.
"""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from assetgen_dagster.settings import ENV_FILE_VARIABLE, PROJECT_ROOT, Settings

DEPLOY = PROJECT_ROOT / "deploy"
ONE, MAIN, WORKER = DEPLOY / "compose/compose.yaml", DEPLOY / "celery/main.yaml", DEPLOY / "celery/worker.yaml"
COMPOSE_FILES = [ONE, MAIN, WORKER]
KUBERNETES = DEPLOY / "kubernetes/values.yaml"

SETTINGS = {str(field.alias) for field in Settings.model_fields.values()} | {ENV_FILE_VARIABLE}

#: Read by the images of PostgreSQL and Redis; and by Compose alone, to fill our files in.
OTHERS = {"POSTGRES_DB", "POSTGRES_USER", "POSTGRES_PASSWORD", "REDISCLI_AUTH"}
FILLED_IN = {"REDIS_PASSWORD", "PRIVATE_ADDRESS", "MAIN_ADDRESS", "NFS_ADDRESS", "NFS_PATH"}

SECRETS = {"GEMINI_API_KEY", "NOTION_TOKEN"}

compose = pytest.mark.parametrize("path", COMPOSE_FILES, ids=lambda path: f"{path.parent.name}/{path.name}")


def merged(base: Any, over: Any) -> Any:
    """Returns what Compose makes of two files."""
    if isinstance(base, dict) and isinstance(over, dict):
        return base | {name: merged(base.get(name), value) for name, value in over.items()}
    return [*base, *over] if isinstance(base, list) and isinstance(over, list) else over


def services(path: Path) -> dict[str, dict[str, Any]]:
    found = yaml.safe_load(path.read_text())
    return dict((merged(yaml.safe_load(ONE.read_text()), found) if path == MAIN else found)["services"])


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
    assert named - SETTINGS - OTHERS - FILLED_IN == set()


def test_every_setting_of_the_env_file_reaches_the_process_that_draws() -> None:
    for one in (ours(ONE)["code"], ours(WORKER)["worker"]):
        assert one["env_file"] == [{"path": ".env", "required": False}]
        assert set(environment(one)) >= SECRETS


@compose
def test_no_file_holds_a_secret(path: Path) -> None:
    for service in services(path).values():
        for name in SECRETS & set(environment(service)):
            assert environment(service)[name] is None
    for line in path.read_text().splitlines():
        if "PASSWORD" in line and not line.lstrip().startswith("#"):
            assert re.search(r"\$\{\w+_PASSWORD:\?", line), line


@compose
def test_services_are_limited_looked_at_and_started_again(path: Path) -> None:
    for name, service in services(path).items():
        assert service["restart"] == "unless-stopped", name
        assert re.fullmatch(r"\d+[mg]", service["mem_limit"]), name
        assert service["healthcheck"]["test"][0] == "CMD", name
        assert re.search(r":\d+\.\d+", service["image"]), f"{name}: {service['image']} is no pinned version"


@compose
def test_no_container_outlives_its_code_server(path: Path) -> None:
    # ``dagster code-server start`` is two processes, and goes on without the one that has the code.
    assert not [name for name, one in ours(path).items() if "code-server" in one["command"]]


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
        if service.get("command", [])[:2] == ["assetgen", "webserver"]:
            assert service["ports"] == ["127.0.0.1:3000:3000"]


@compose
def test_the_ui_is_served_behind_its_check_only_and_knows_its_names(path: Path) -> None:
    for service in ours(path).values():
        assert not {"dagster-webserver", "dev"} & set(service["command"])
        if service["command"][:2] == ["assetgen", "webserver"]:
            assert set(environment(service)) >= {"ASSETGEN_UI_URL", "ASSETGEN_UI_HOSTS"}


def test_in_the_image_dagsters_own_command_for_the_ui_is_ours() -> None:
    replaced = DEPLOY / "kubernetes/dagster-webserver"
    install = f'RUN install {replaced.relative_to(PROJECT_ROOT)} "$(command -v dagster-webserver)"'
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    assert lines.index(install) > max(i for i, line in enumerate(lines) if "pip install" in line)
    arguments = ["-h", "0.0.0.0", "-p", "80", "-w", str(PROJECT_ROOT / "workspace.yaml"), "--help"]  # the Helm chart's
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run([replaced, *arguments], capture_output=True, text=True, check=True, env={"PATH": path})
    assert "assetgen webserver" in done.stdout


def test_the_database_is_not_reachable_from_outside() -> None:
    assert "ports" not in services(ONE)["postgres"]


def test_what_other_machines_reach_is_on_the_private_network_only() -> None:
    published = [port for name, one in services(MAIN).items() if name != "webserver" for port in one.get("ports", ())]
    assert len(published) == 2
    assert all(port.startswith("${PRIVATE_ADDRESS:?") for port in published)


def test_on_several_machines_everything_of_ours_knows_it_and_has_the_packages() -> None:
    for one in [*ours(MAIN).values(), *ours(WORKER).values()]:
        assert environment(one)["ASSETGEN_MACHINES"] == "several"
        assert str(environment(one)["ASSETGEN_BROKER_URL"]).startswith("redis://")
        assert one["build"]["args"]["EXTRA_LOCK"] == "requirements-celery.lock"
        assert one["image"].endswith("-celery")
        assert "workspace:/workspace" in one["volumes"]


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


def forget_the_code_server(one: dict[str, Any]) -> None:
    """Takes out what the queue asks only where runs are started by the code server: other launchers need none."""
    for name in ("max_user_code_failure_retries", "user_code_failure_retry_delay"):
        del one["run_coordinator"]["config"][name]


def test_the_instance_on_several_machines_differs_from_that_on_one_only_in_what_it_must() -> None:
    one = yaml.safe_load((DEPLOY / "dagster-postgres.yaml").read_text())
    several = yaml.safe_load((DEPLOY / "dagster-celery.yaml").read_text())
    assert several.pop("run_launcher")["config"] == {"broker": {"env": "ASSETGEN_BROKER_URL"}}
    del several["compute_logs"], several["run_monitoring"]["start_timeout_seconds"]
    forget_the_code_server(one)
    assert several == one


def kubernetes() -> dict[str, Any]:
    return dict(yaml.safe_load(KUBERNETES.read_text()))


def test_on_kubernetes_every_environment_variable_is_one_that_somebody_reads() -> None:
    [deployment] = kubernetes()["dagster-user-deployments"]["deployments"]
    named = set(re.findall(r"\b(?:ASSETGEN|GEMINI|GOOGLE|NOTION)_[A-Z_]*[A-Z]\b", KUBERNETES.read_text()))
    assert named - SETTINGS == set()
    assert set(deployment["env"]) <= SETTINGS
    [url] = kubernetes()["dagsterWebserver"]["env"]
    assert url == {"name": "ASSETGEN_UI_URL", "value": deployment["env"]["ASSETGEN_UI_URL"]}
    assert deployment["env"]["ASSETGEN_MACHINES"] == "several"


def test_on_kubernetes_the_instance_is_that_of_one_machine() -> None:
    values, one = kubernetes(), yaml.safe_load((DEPLOY / "dagster-postgres.yaml").read_text())
    daemon = values["dagsterDaemon"]
    forget_the_code_server(one)
    threads = one.pop("sensors")
    assert daemon["sensors"] == {"useThreads": threads["use_threads"], "numWorkers": threads["num_workers"]}
    assert daemon["runCoordinator"]["config"]["customRunCoordinator"] == one.pop("run_coordinator")
    assert values["telemetry"] == one.pop("telemetry")
    monitoring = one.pop("run_monitoring")
    assert daemon["runMonitoring"]["freeSlotsAfterRunEndSeconds"] == monitoring["free_slots_after_run_end_seconds"]
    assert daemon["runMonitoring"]["pollIntervalSeconds"] == monitoring["poll_interval_seconds"]
    del one["storage"]
    assert values["additionalInstanceConfig"] == one


def test_on_kubernetes_everything_is_a_normal_user_with_limited_memory_and_no_secret_is_written_down() -> None:
    values = kubernetes()
    [deployment] = values["dagster-user-deployments"]["deployments"]
    for one in (values["dagsterWebserver"], values["dagsterDaemon"], deployment):
        assert one["podSecurityContext"]["runAsUser"] == 10001
        assert one["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert "memory" in one["resources"]["limits"]
    assert values["runLauncher"]["type"] == "K8sRunLauncher"
    assert values["ingress"] == {"enabled": False}
    assert "postgresqlPassword" not in values["postgresql"]
    assert not SECRETS & set(deployment["env"])
    assert KUBERNETES.read_text().startswith("# NOT RUN")


@pytest.mark.parametrize("extra", ["celery", "kubernetes", "dev", "ui"])
def test_the_locks_agree_and_name_no_package_index(extra: str) -> None:
    pins = {
        name: dict(re.findall(r"^([a-z0-9._-]+)(?:\[.*\])?==(\S+)", (PROJECT_ROOT / name).read_text(), re.MULTILINE))
        for name in ("requirements.lock", f"requirements-{extra}.lock")
    }
    one, more = pins.values()
    assert {name: more[name] for name in one if name in more and more[name] != one[name]} == {}
    assert set(one) - set(more) <= {"hatchling", "pathspec", "pluggy", "trove-classifiers"}  # build the checkout
    assert "index-url" not in (PROJECT_ROOT / f"requirements-{extra}.lock").read_text()

"""Runs all checks, in the order of their findings; each subject has a module of this package."""

import json
from collections.abc import Iterable
from dataclasses import asdict

from assetgen_dagster.cli.doctor.finding import Finding, broken
from assetgen_dagster.cli.doctor.instance import examine_instance
from assetgen_dagster.cli.doctor.machine import examine_machine
from assetgen_dagster.cli.doctor.notion import examine_notion
from assetgen_dagster.cli.doctor.paying import examine_paying
from assetgen_dagster.cli.doctor.postgres import examine_server
from assetgen_dagster.cli.doctor.providers import examine_providers
from assetgen_dagster.cli.doctor.variables import examine_variables
from assetgen_dagster.errors import AssetgenError
from assetgen_dagster.settings import Settings, load_settings
from assetgen_dagster.support.redact import hide

#: Time limit of one check for all its requests to a server.
NETWORK_SECONDS = 10.0


def examine(*, services: bool = False) -> list[Finding]:
    """Returns the findings of all checks; stops at unreadable settings.

    Args:
        services: Whether daemon and sensors must be running.
    """
    try:
        settings = load_settings()
    except AssetgenError as error:
        return [broken("settings", error)]
    hide(*settings.secrets())
    return [
        Finding("settings", True, "can be read."),
        *examine_variables(),
        *examine_machine(settings),
        *_examine_storage_and_services(settings, services=services),
        *examine_providers(settings, seconds=NETWORK_SECONDS),
        *examine_notion(settings, seconds=NETWORK_SECONDS),
    ]


def _examine_storage_and_services(settings: Settings, *, services: bool) -> list[Finding]:
    """Checks PostgreSQL first: if it cannot be used, every other check would only repeat that."""
    server = [] if settings.database is None else examine_server(settings)
    if not all(one.ok for one in server):
        return server
    return [*server, *examine_instance(settings, services_needed=services), *examine_paying(settings)]


def as_json(findings: Iterable[Finding]) -> str:
    """Returns findings for a program."""
    found = list(findings)
    return json.dumps({"ok": all(one.ok for one in found), "findings": [asdict(one) for one in found]}, indent=2)

"""Checks for variables that look like settings but are not: a typo would go unnoticed."""

import difflib
import os
from collections.abc import Iterable

from assetgen_dagster.cli.doctor.finding import Finding
from assetgen_dagster.settings import ENV_FILE_VARIABLE, default_environment, env_files
from assetgen_dagster.support.env_file import names_in

#: Names that only we use.
_OURS = "ASSETGEN_"

#: Similarity, 0 to 1, at which a name counts as a typo of another.
_SIMILARITY = 0.8

#: Set by our own processes.
_INTERNAL = frozenset({"ASSETGEN_DEMO_ID"})


def examine_variables() -> list[Finding]:
    """Checks the environment and ``.env`` for unknown names that resemble settings."""
    places = {"the environment": set(os.environ), **{str(path): names_in(path) for path in env_files()}}
    return [finding for place, names in places.items() for finding in _unknown(names, place)]


def _unknown(names: Iterable[str], place: str) -> list[Finding]:
    known = [*default_environment(), ENV_FILE_VARIABLE]
    found = []
    for name in sorted(set(names) - {*known, *_INTERNAL}):
        # Other programs also use our providers' prefixes: there, only a name close to a setting is a typo.
        near = difflib.get_close_matches(name, known, n=1, cutoff=_SIMILARITY)
        if name.startswith(_OURS) or (near and _first_word(near[0]) == _first_word(name)):
            remedy = f"Did you mean {near[0]}?" if near else "Remove it; docs/settings.md lists every setting."
            found.append(
                Finding("settings", False, f"{name} (in {place}) is not a setting, and has no effect.", remedy)
            )
    return found


def _first_word(name: str) -> str:
    return name.partition("_")[0]

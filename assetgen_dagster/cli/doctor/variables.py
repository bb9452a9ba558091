"""What ``assetgen doctor`` says of variables that look like settings and are none: a typo would go unnoticed."""

import difflib
import os
from collections.abc import Iterable

from assetgen_dagster.cli.doctor.finding import Finding
from assetgen_dagster.settings import ENV_FILE_VARIABLE, default_environment, env_files
from assetgen_dagster.support.env_file import names_in

#: Names that only we use.
_OURS = "ASSETGEN_"

#: How alike two names are, 0 to 1, of which one is taken for a typo of the other.
_ALIKE = 0.8

#: Set for each other by our own processes.
_INTERNAL = frozenset({"ASSETGEN_DEMO_ID"})


def examine_variables() -> list[Finding]:
    """Checks environment and ``.env`` for names that are nearly settings."""
    places = {"the environment": set(os.environ), **{str(path): names_in(path) for path in env_files()}}
    return [finding for place, names in places.items() for finding in _unknown(names, place)]


def _unknown(names: Iterable[str], place: str) -> list[Finding]:
    known = [*default_environment(), ENV_FILE_VARIABLE]
    found = []
    for name in sorted(set(names) - {*known, *_INTERNAL}):
        # Other programs use names of our providers, too: there only what is nearly a setting is a typo.
        near = difflib.get_close_matches(name, known, n=1, cutoff=_ALIKE)
        if name.startswith(_OURS) or (near and _first_word(near[0]) == _first_word(name)):
            remedy = f"Did you mean {near[0]}?" if near else "Take it out; docs/settings.md has every setting."
            found.append(Finding("settings", False, f"{name} (in {place}) is no setting, and nobody reads it.", remedy))
    return found


def _first_word(name: str) -> str:
    return name.partition("_")[0]

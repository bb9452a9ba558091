"""The codes of a failed step, kept in its metadata: the sensors read them instead of its message."""

from collections.abc import Iterable, Mapping
from typing import Any

import dagster as dg

from assetgen_dagster.errors import Code, coded

_KEY = "codes"


def codes_metadata(codes: Iterable[Code]) -> dict[str, dg.MetadataValue]:
    """Returns the metadata for a list of codes, most important first."""
    return {_KEY: dg.MetadataValue.json([code.value for code in dict.fromkeys(codes)])}


def read_codes(metadata: Mapping[str, Any], message: str) -> frozenset[str]:
    """Returns the codes of a failed step.

    Args:
        metadata: The step's metadata.
        message: The step's message: earlier versions put the code only there, in brackets at the end.
    """
    found = metadata.get(_KEY)
    if isinstance(found, dg.JsonMetadataValue) and isinstance(found.data, list):
        return frozenset(map(str, found.data))
    return frozenset(code for code in Code if message.endswith(coded("", code)))

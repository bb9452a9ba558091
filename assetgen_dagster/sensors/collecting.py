"""Collects the failures of single projects, so that one does not stop the others."""

import contextlib
from collections.abc import Iterator

from assetgen_dagster.errors import AssetgenError


@contextlib.contextmanager
def collecting(failures: list[str]) -> Iterator[None]:
    """Appends an error in the block to ``failures`` instead of raising it."""
    try:
        yield
    except (AssetgenError, OSError) as error:
        failures.append(str(error))

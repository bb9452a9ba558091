"""Goes on behind a project that fails, and says so afterwards."""

import contextlib
from collections.abc import Iterator

from assetgen_dagster.errors import AssetgenError


@contextlib.contextmanager
def collecting(failures: list[str]) -> Iterator[None]:
    """Adds what goes wrong in the block to ``failures`` instead of raising it."""
    try:
        yield
    except (AssetgenError, OSError) as error:
        failures.append(str(error))

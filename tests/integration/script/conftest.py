import pytest


@pytest.fixture(autouse=True)
def small_pictures() -> None:
    """Has none: the script gets pictures as the API sends them."""

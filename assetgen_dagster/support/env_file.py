"""What a ``.env`` file holds, and where it cannot be read: pydantic's reader would go on without that line."""

from pathlib import Path

from dotenv.parser import Binding, parse_stream

from assetgen_dagster.errors import AssetgenError, Code


def check_env_file(path: Path) -> None:
    """Does nothing if every line of a file can be read, or there is no file.

    Raises:
        AssetgenError: It cannot be read, or a line is no ``NAME=value``; the message names file and line, and nothing
            of what stands there.
    """
    try:
        bindings = _bindings(path)
    except (OSError, UnicodeDecodeError) as error:
        raise AssetgenError(f"{path} cannot be read: {error}. Save it as UTF-8 text.", code=Code.ENV_FILE) from None
    for binding in bindings:
        if binding.error:
            text = binding.original.string
            line = binding.original.line + text[: len(text) - len(text.lstrip())].count("\n")
            raise AssetgenError(f"{path}, line {line} cannot be read: write NAME=value there.", code=Code.ENV_FILE)


def names_in(path: Path) -> set[str]:
    """Returns the names of the variables in a file; none if there is no file.

    Raises:
        OSError: The file cannot be read.
        UnicodeDecodeError: It is no UTF-8 text.
    """
    return {binding.key for binding in _bindings(path) if binding.key}


def _bindings(path: Path) -> list[Binding]:
    if not path.is_file():
        return []
    with path.open(encoding="utf-8") as file:
        return list(parse_stream(file))

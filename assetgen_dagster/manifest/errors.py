"""What is wrong with a manifest's JSON, in plain words: where, and what may stand there."""

from pydantic import ValidationError


def explain(error: ValidationError, data: dict[str, object]) -> str:
    """Says in plain words what the first errors are, with the picture's name where it has one."""
    said = []
    for item in error.errors(include_url=False)[:3]:
        where = _where(item["loc"], data)
        context = item.get("ctx", {})
        message = {
            "missing": "is missing",
            "enum": f"must be {context.get('expected', '')}",
            "literal_error": f"must be {context.get('expected', '')}",
            "string_type": "must be text in quotes",
            "too_short": "must hold at least one picture",
            "value_error": str(context.get("error", "")),
        }.get(item["type"], item["msg"])
        said.append(f"{where}: {message}")
    more = error.error_count() - len(said)
    return "; ".join(said) + (f"; and {more} more" if more > 0 else "")


def _where(loc: tuple[int | str, ...], data: dict[str, object]) -> str:
    if len(loc) > 1 and loc[0] == "assets" and isinstance(loc[1], int):
        assets = data.get("assets")
        entry = assets[loc[1]] if isinstance(assets, list) and loc[1] < len(assets) else None
        name = entry.get("name") if isinstance(entry, dict) else None
        picture = f"picture {loc[1] + 1}" + (f" ({shortened(name)})" if isinstance(name, str) else "")
        return f"{picture}, field '{loc[2]}'" if len(loc) > 2 else picture
    return f"field '{'.'.join(str(part) for part in loc)}'"


def shortened(text: str) -> str:
    """Returns a text on one line, cut to what a message has room for."""
    text = " ".join(text.split())
    return text if len(text) <= 80 else f"{text[:79]}…"

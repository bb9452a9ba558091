"""Generates the tables in docs/ that describe code: ``make docs`` rewrites them.

A table stands between ``<!-- made by make docs: NAME -->`` and ``<!-- end -->``; the rest of a page is written by hand.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from assetgen_dagster.errors import Code
from assetgen_dagster.settings import PROJECT_ROOT, Settings

_MADE = re.compile(r"(<!-- made by make docs: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def settings_table() -> str:
    """Returns the table of settings: variable, default, meaning, and what requires it."""
    lines = ["| variable | default | meaning | needed by |", "|---|---|---|---|"]
    for field in Settings.model_fields.values():
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        meaning = " ".join((field.description or "").split())
        lines.append(f"| `{field.alias}` | {_shown(field.default)} | {meaning} | {extra.get('needed_by', '')} |")
    return "\n".join(lines)


def codes_table() -> str:
    """Returns the table of codes: class, cause, remedy."""
    lines = ["| code | class | cause | remedy |", "|---|---|---|---|"]
    lines += [f"| `{code}` | {code.error_class or '-'} | {code.cause} | {code.remedy} |" for code in Code]
    return "\n".join(lines)


def _shown(default: object) -> str:
    if default is None:
        return "not set"
    return f"`{default.relative_to(PROJECT_ROOT).as_posix() if isinstance(default, Path) else default}`"


TABLES: Mapping[str, Callable[[], str]] = {"codes": codes_table, "settings": settings_table}


def renewed(page: str) -> str:
    """Returns a page with its tables regenerated."""
    return _MADE.sub(lambda found: f"{found[1]}\n{TABLES[found[2]]()}\n\n{found[3]}", page)


def main() -> None:
    """Rewrites the pages of docs/ with changed tables."""
    for path in sorted((PROJECT_ROOT / "docs").glob("*.md")):
        page = path.read_text(encoding="utf-8")
        if (new := renewed(page)) != page:
            path.write_text(new, encoding="utf-8")
            print(f"Wrote {path.relative_to(PROJECT_ROOT)}")


if __name__ == "__main__":
    main()

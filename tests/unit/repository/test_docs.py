"""What README and docs say is what the code does: codes, events, settings, prices, commands, links."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from assetgen_dagster.cli.main import EXIT_CODES, app
from assetgen_dagster.cli.reference import TABLES, renewed
from assetgen_dagster.errors import ErrorClass
from assetgen_dagster.providers.gemini.models import IMAGE_MODELS, list_price, thinking_levels
from assetgen_dagster.providers.gemini.retirement import RETIREMENTS
from assetgen_dagster.providers.gemini.text_prices import TEXT_PRICES
from assetgen_dagster.settings import ENV_FILE_VARIABLE, PROJECT_ROOT, Settings

PACKAGE = PROJECT_ROOT / "assetgen_dagster"
README, DOCS = PROJECT_ROOT / "README.md", PROJECT_ROOT / "docs"
PAGES = [README, *sorted(DOCS.glob("*.md")), PROJECT_ROOT / "tests" / "STORY.md"]

FENCE = re.compile(r"^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
OPTION = re.compile(r"(?<!\S)(--[a-z][a-z-]*)")
ASSETGEN = re.compile(r"(?:^|/|\s)assetgen((?:\s+\S+)+)")
SETTING = re.compile(r"\b(?:ASSETGEN|GEMINI|GOOGLE|NOTION)_[A-Z_]*[A-Z]\b")


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def section(page: Path, title: str) -> str:
    """Returns what stands below a heading of the second level."""
    [found] = re.findall(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text_of(page), re.MULTILINE | re.DOTALL)
    return str(found)


def rows(text: str) -> list[list[str]]:
    """Returns the cells of every table row whose first cell is code."""
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def code(cell: str) -> str:
    [found] = SPAN.findall(cell.split(" (", maxsplit=1)[0])
    return str(found)


def snippets(page: Path) -> list[str]:
    """Returns every line of every code block, and every code span."""
    text = text_of(page)
    lines = [line for block in FENCE.findall(text) for line in block.splitlines()]
    return [*lines, *(" ".join(span.split()) for span in SPAN.findall(FENCE.sub("", text)))]


def trees() -> Iterator[ast.Module]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield ast.parse(path.read_text(encoding="utf-8"))


def calls() -> Iterator[tuple[str, ast.Call]]:
    for tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                yield ast.unparse(node.func), node


def events_in_the_code() -> set[str]:
    names = {f"_log.{level}" for level in ("debug", "info", "warning", "error", "exception")}
    return {ast.literal_eval(call.args[0]) for name, call in calls() if name in names}


def commands() -> dict[str, set[str]]:
    """Returns the options of every subcommand of ``assetgen``."""
    group = typer.main.get_command(app)
    found = {"": {"--help"}}
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        found[name] = {"--help"} | {option for parameter in command.params for option in parameter.opts}
    return found


def test_every_class_is_documented() -> None:
    classes = rows(section(DOCS / "operating.md", "What a failed run says"))
    assert {code(row[0]) for row in classes} == {error_class.value for error_class in ErrorClass}


def test_every_log_event_is_documented() -> None:
    assert {code(row[0]) for row in rows(section(DOCS / "operating.md", "Logs"))} == events_in_the_code()


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_the_tables_that_make_docs_writes_are_up_to_date(page: Path) -> None:
    assert renewed(text_of(page)) == text_of(page)


def test_every_table_that_is_made_stands_on_a_page() -> None:
    marks = [name for page in DOCS.glob("*.md") for name in re.findall(r"made by make docs: (\w+)", text_of(page))]
    assert sorted(marks) == sorted(TABLES)


def test_every_setting_says_what_it_means() -> None:
    assert [field.alias for field in Settings.model_fields.values() if not field.description] == []


def test_the_example_of_env_holds_every_setting_commented_out_with_its_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ASSETGEN_WORKSPACE", raising=False)
    lines = text_of(PROJECT_ROOT / ".env.example").splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == []
    settings = [line.removeprefix("# ") for line in lines if re.match(r"# [A-Z][A-Z_]*=", line)]
    assert {line.split("=")[0] for line in settings} == {str(field.alias) for field in Settings.model_fields.values()}
    env = tmp_path / ".env"
    env.write_text("\n".join(settings))
    assert Settings(_env_file=env) == Settings(_env_file=None)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_names_a_setting_that_is_not_there(page: Path) -> None:
    known = {str(field.alias) for field in Settings.model_fields.values()} | {ENV_FILE_VARIABLE}
    assert set(SETTING.findall(text_of(page))) <= known


def test_prices_are_those_of_the_price_list() -> None:
    documented = {code(row[0]): (row[1], row[2]) for row in rows(section(README, "What it costs"))}
    prices = {model: list_price(model, "") or 0 for model in IMAGE_MODELS}
    assert documented == {model: (f"{price:.4f}", f"{22 * price:.2f}") for model, price in prices.items()}


def test_retired_image_models_are_marked_with_their_dates() -> None:
    named = [row[0] for row in rows(section(README, "What it costs"))]
    marked = {code(name): name.partition(" (legacy since ")[2].rstrip(")") for name in named if "legacy" in name}
    assert marked == {model: str(end.on) for model, end in RETIREMENTS.items() if model in IMAGE_MODELS}


def test_thinking_levels_are_those_of_the_models() -> None:
    documented = {
        code(row[0]): re.findall("`([a-z]+)`", row[1]) for row in rows(section(DOCS / "settings.md", "Thinking"))
    }
    assert documented == {model: list(thinking_levels(model) or ()) for model in IMAGE_MODELS}


def test_the_docs_name_the_models_that_google_routes_to_others() -> None:
    text = section(DOCS / "settings.md", "A language model for the prompts")
    for model, end in RETIREMENTS.items():
        assert not end.routed or {f"`{model}`", f"`{end.replacement}`"} <= set(re.findall("`[^`]+`", text)), model


def test_prices_of_texts_are_those_of_the_price_list() -> None:
    table = section(DOCS / "settings.md", "A language model for the prompts")
    documented = {code(row[0]): (row[1], row[2]) for row in rows(table)}
    expected = {}
    for model, prices in TEXT_PRICES.items():
        dated = [("" if p.since.year == 1 else f" from {p.since.year}", p) for p in prices]
        expected[model] = (
            "; ".join(f"{p.text_input:.2f}{since}" for since, p in dated),
            "; ".join(f"{p.text_output:.2f}{since}" for since, p in dated),
        )
    assert documented == expected


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(text_of(page)):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            titles = re.findall(r"^#+ (.+)$", text_of(target), re.MULTILINE)
            assert anchor in {title.lower().replace(" ", "-") for title in titles}, link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_of_the_repository_that_is_named_is_there(page: Path) -> None:
    tops = "|".join(path.name for path in PROJECT_ROOT.iterdir() if path.is_dir() and not path.name.startswith("."))
    named = re.findall(rf"(?<![\w./-])(?:{tops})/[\w./-]*\w", " ".join(snippets(page)))
    named = [path for path in named if not path.startswith(("demo/", "workspace/", "bench/out"))]  # made by running it
    assert [path for path in named if not path.endswith(".env") and not (PROJECT_ROOT / path).exists()] == []


def test_exit_codes_are_those_that_the_help_names() -> None:
    documented = rows(section(DOCS / "operating.md", "Exit codes"))
    codes = [row[1] for row in documented if code(row[0]) == "assetgen"]
    assert codes == re.findall(r"\b\d+\b", EXIT_CODES) == ["0", "1", "2", "130"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_exists(page: Path) -> None:
    targets = set(re.findall(r"^([\w-]+):(?!=)", text_of(PROJECT_ROOT / "Makefile"), re.MULTILINE))
    named = {found[1] for line in snippets(page) if (found := re.match(r"make ([a-z][\w-]*)", line))}
    assert named <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_assetgen_command_and_option_exists(page: Path) -> None:
    known = commands()
    for line in snippets(page):
        for arguments in ASSETGEN.findall(line):
            words = arguments.split()
            command = words[0] if not words[0].startswith("-") else ""
            assert command in known, line
            assert set(OPTION.findall(arguments)) <= known[command], line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_an_option_that_stands_alone_exists_somewhere(page: Path) -> None:
    script = set(re.findall(r'"(--[a-z-]+)"', text_of(PROJECT_ROOT / "scripts" / "generate_asset.py")))
    known = set.union(script, *commands().values())
    named = {found[1] for line in snippets(page) if (found := re.match(r"(--[a-z-]+)", line))}
    assert named <= known


def test_every_command_stands_on_its_page() -> None:
    shown = " ".join(snippets(DOCS / "command-line.md"))
    assert [
        name for name in commands() if name and f"assetgen {name}" not in shown and f"make {name}" not in shown
    ] == []


def test_every_package_has_its_line_in_the_architecture() -> None:
    named = {code(row[0]).rstrip("/") for row in rows(section(DOCS / "architecture.md", "Packages"))}
    packages = {str(path.parent.relative_to(PACKAGE)) for path in PACKAGE.glob("*/__init__.py")}
    assert named == packages


@pytest.mark.parametrize("page", ["architecture.md", "decisions.md"])
def test_every_module_in_the_architecture_and_its_decisions_exists(page: str) -> None:
    named = re.findall(r"[\w/]+\.py\b", text_of(DOCS / page))
    assert [path for path in named if not any((folder / path).exists() for folder in (PACKAGE, PROJECT_ROOT))] == []


def test_every_private_name_of_dagster_that_is_used_stands_in_the_architecture_with_its_reason() -> None:
    used = {name for path in PACKAGE.rglob("*.py") for name in private_names(ast.parse(text_of(path)))}
    assert {code(row[0]) for row in rows(section(DOCS / "architecture.md", "Private names of Dagster"))} == used


def private_names(tree: ast.AST) -> Iterator[str]:
    """Yields what a module imports from within Dagster, and the modules there that it names in a text."""
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=str(module), names=names):
                found = [f"{module}.{alias.name}" for alias in names]
            case ast.Import(names=names):
                found = [alias.name for alias in names]
            case ast.Constant(value=str(text)):
                found = [text]
            case _:
                found = []
        yield from (name for name in found if re.match(r"dagster(\.\w+)*\._\S+\Z", name))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_path_of_one_machine_is_in_the_docs(page: Path) -> None:
    assert re.findall(r"(?<![\w.`])/(?:home|root|tmp|work|Users)/\S*", text_of(page)) == []

from assetgen_dagster.drawing.events import Task
from assetgen_dagster.drawing.outcome import Summary, describe_failure
from assetgen_dagster.drawing.plan import Action, Step
from assetgen_dagster.errors import Code
from assetgen_dagster.providers.failures import blank_prompt, reference_failed, timed_out
from assetgen_dagster.providers.gemini.errors import missing_key
from tests.helpers.harness import manifest_of


def task(number: int) -> Task:
    return Task(number, manifest_of(22).assets[number - 1], "prompt", Step(Action.DRAW, "not there yet"))


def described(summary: Summary, **money: float) -> list[str]:
    given = {"cost_usd": 0.5, "possibly_billed_usd": 0.0} | money
    return describe_failure(summary, **given).splitlines()


def test_a_failures_first_line_says_what_to_do_and_how_many() -> None:
    summary = Summary(generated=20, skipped=1, failures=[(task(5), blank_prompt())])
    assert described(summary)[0] == f"{blank_prompt().remedy}. 1 of 22 pictures failed; 21 are done."


def test_pictures_that_failed_in_the_same_words_share_a_line() -> None:
    failures = [(task(7), blank_prompt()), (task(2), blank_prompt()), (task(5), timed_out(60))]
    lines = described(Summary(failures=failures))
    assert "3 of 3 pictures failed" in lines[0]
    assert blank_prompt().remedy not in lines[0]
    assert lines[1] == f"  #02 picture_02, #07 picture_07: {blank_prompt()}"
    assert lines[2].startswith("  #05 picture_05: [timeout: script_timeout]")


def test_what_stopped_all_pictures_stands_first_and_those_not_started_are_named() -> None:
    summary = Summary(generated=3, not_started=[task(9), task(4)], stopped_by=missing_key())
    lines = described(summary)
    said = f"{missing_key().remedy}: {missing_key().cause}"
    assert lines[0] == f"{said}. 3 of 5 pictures are done. [api_key]"
    assert "  not started: #04, #09" in lines


def test_what_to_do_is_said_once_where_it_is_the_same_for_all() -> None:
    failures = [(task(2), blank_prompt()), (task(5), reference_failed("picture_02"))]
    lines = described(Summary(generated=20, failures=failures))
    assert lines[0].startswith(f"{blank_prompt().remedy}. 2 of 22 pictures failed")
    assert lines[1] == f"  #02 picture_02: {blank_prompt().what}."
    assert lines[2].endswith(f"{reference_failed('picture_02').remedy}.")


def test_the_codes_begin_with_that_of_what_stopped_all_pictures() -> None:
    failures = [(task(2), blank_prompt()), (task(5), timed_out(60)), (task(6), blank_prompt())]
    assert Summary(failures=failures).codes() == [Code.BLANK_PROMPT, Code.SCRIPT_TIMEOUT]
    assert Summary(failures=failures, stopped_by=missing_key()).codes()[0] is Code.API_KEY


def test_lost_calls_are_named_with_what_they_may_have_cost() -> None:
    last = described(Summary(failures=[(task(1), timed_out(60))]), possibly_billed_usd=0.0336)[-1]
    assert "may have cost $0.034 more" in last

"""What a run pays for, by what was asked and when: double clicks, retries, re-rolls."""

import time

from assetgen_dagster.drawing.plan import Mode, Request
from assetgen_emulators.gemini import Fault, GeminiEmulator
from assetgen_emulators.gemini.faults import ApiError, NoImage
from tests.helpers.harness import Core, billed


def test_a_double_click_pays_once(core: Core, gemini: GeminiEmulator) -> None:
    clicks = [Request("one", time.time()), Request("two", time.time())]
    for click in clicks:
        core.draw(request=click)
    assert len(gemini.journal()) == 3


def test_a_double_click_on_regenerate_pays_once(core: Core, gemini: GeminiEmulator) -> None:
    core.draw()
    clicks = [Request("one", time.time(), Mode.REGENERATE), Request("two", time.time(), Mode.REGENERATE)]
    for click in clicks:
        core.draw(request=click)
    assert len(gemini.journal()) == 6


def test_a_double_click_on_one_picture_pays_once(core: Core, gemini: GeminiEmulator) -> None:
    core.draw()
    picked = frozenset({2})
    clicks = [Request("one", time.time(), numbers=picked), Request("two", time.time(), numbers=picked)]
    for click in clicks:
        core.draw({2}, request=click)
    assert len(gemini.journal()) == 4


def test_a_retry_of_a_reroll_that_failed_draws_that_picture_and_no_other(core: Core, gemini: GeminiEmulator) -> None:
    core.draw()
    gemini.plan([Fault(NoImage("IMAGE_SAFETY"), prompt="Subject 02")])
    asked = Request("reroll", time.time(), numbers=frozenset({2}))
    assert core.draw({2}, request=asked).summary.failed == 1
    assert core.draw({2}, request=asked).summary.generated == 1
    assert core.draw({2}, request=asked).summary.skipped == 1
    assert len(billed(gemini.journal())) == 4


def test_a_retry_of_a_regenerate_that_failed_continues_its_round(core: Core, gemini: GeminiEmulator) -> None:
    core.draw()
    gemini.plan([Fault(NoImage("IMAGE_SAFETY"), prompt="Subject 02")])
    asked = Request("again", time.time(), Mode.REGENERATE)
    core.draw(request=asked)
    retried = core.draw(request=asked)
    assert (retried.summary.generated, retried.summary.skipped) == (1, 2)
    assert len(billed(gemini.journal())) == 6
    assert core.draw(request=asked).summary.generated == 0


def test_regenerate_starts_over_even_in_an_open_round(core: Core, gemini: GeminiEmulator) -> None:
    gemini.plan([Fault(NoImage("IMAGE_SAFETY"), prompt="Subject 02")])
    core.draw()
    assert core.draw(mode=Mode.REGENERATE).summary.generated == 3
    assert len(billed(gemini.journal())) == 5


def test_a_picture_drawn_alone_counts_in_the_round_that_follows(core: Core, gemini: GeminiEmulator) -> None:
    core.draw({2})
    assert core.draw().summary.skipped == 1
    assert len(gemini.journal()) == 3


def test_all_pictures_picked_by_hand_are_a_request_for_all(core: Core, gemini: GeminiEmulator) -> None:
    core.draw()
    core.draw({1, 2, 3})
    assert len(core.records.rounds) == 2
    assert len(gemini.journal()) == 6


def test_a_fatal_end_is_resumed_where_it_stopped(core: Core, gemini: GeminiEmulator) -> None:
    gemini.plan([Fault(ApiError(403), prompt="Subject 02")])
    core.draw()
    core.draw()
    assert len(billed(gemini.journal())) == 3

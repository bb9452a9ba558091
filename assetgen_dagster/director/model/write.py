"""Has the model write a manifest: one question, at most one repair, and the built-in tables as fallback.

Failures that only a person can fix (key, billing, quota, model, endpoint) would also end the pictures, or every video's
manifest, and are errors. After any other failure the tables write the manifest, with a warning that states the cause.
"""

import asyncio
import json
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import structlog

from assetgen_dagster.budget.admission import Admission, AdmissionWaits, open_admission
from assetgen_dagster.budget.budget_reservation import BudgetReservation
from assetgen_dagster.director.brief import read_brief
from assetgen_dagster.director.director import create_asset_manifest
from assetgen_dagster.director.model.answer import BrokenRulesError, read_answer
from assetgen_dagster.director.model.call_log import ModelCallLog, record_lost_calls
from assetgen_dagster.director.model.events import Asked, StoryEvent, Waits
from assetgen_dagster.director.model.question import (
    ANSWER_SCHEMA,
    INSTRUCTION,
    bounded_text,
    first_question,
    repair_question,
)
from assetgen_dagster.director.source import Director
from assetgen_dagster.errors import AssetgenError, Code, ErrorClass
from assetgen_dagster.manifest.model import AssetManifest
from assetgen_dagster.project.records import CostSource, RecordStore, Spend, SpendKind
from assetgen_dagster.providers.backoff import retry_wait
from assetgen_dagster.providers.failures import Failure
from assetgen_dagster.providers.gemini.text import GeminiText, Reply, Turn
from assetgen_dagster.settings import Settings
from assetgen_dagster.support.interrupts import first_interrupt_deferred

#: Fewer than for a picture: the video can be drawn without the model's text.
_RETRIES = 3
_LONGEST_WAIT_SECONDS = 30.0

#: Codes of failures that also stop the pictures, so that the tables would not help.
_PICTURES_TOO = frozenset({Code.BUDGET, Code.BUDGET_UNKNOWN})

_QUESTIONS = 2
_SHOWN_VIOLATIONS = 3

_log = structlog.get_logger()


class StoryModelError(AssetgenError):
    """The language model cannot be asked until a person fixes the cause.

    Attributes:
        failure: The cause.
    """

    def __init__(self, model: str, failure: Failure) -> None:
        why = f"{model} cannot write the prompts: {failure.cause.rstrip('. ')}. {failure.remedy}."
        more = (
            "" if failure.code in _PICTURES_TOO else " Or unset ASSETGEN_STORY_MODEL: built-in tables then write them."
        )
        super().__init__(f"{why}{more}", code=failure.code)
        self.failure = failure


class _GaveUpError(Exception):
    """The model has not written a usable manifest; the message states the cause."""


@dataclass
class Bill:
    """Usage for one manifest in this run.

    Attributes:
        questions: Number of calls that were answered or may have been billed.
        input_tokens: Text input.
        output_tokens: Text output, thinking included.
        price_known: Whether all of it has a known price.
    """

    questions: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    price_known: bool = True


@dataclass
class Writer:
    """Writes one project's manifest.

    Attributes:
        settings: The settings in force.
        store: The project's records.
        run_id: The run that pays.
        report: Called with each event.
        reservation: The run's reservation in the monthly budget; None if there is no limit.
        pictures: Number of pictures to draw: nothing is written without room for them in the budget.
        sleep: Waits for a number of seconds.
        bill: Usage so far.
    """

    settings: Settings
    store: RecordStore
    run_id: str
    report: Callable[[StoryEvent], None] = lambda _: None
    reservation: BudgetReservation | None = None
    pictures: int = 1
    sleep: Callable[[float], None] = time.sleep
    bill: Bill = field(default_factory=Bill)

    def director(self) -> Director:
        """Returns the director: the model if one is set, else the tables. First records a dead run's lost calls.

        Raises:
            OSError: The records cannot be written.
        """
        record_lost_calls(self.store)
        model = self.settings.story_model
        return Director() if model is None else Director(self.write, model.removeprefix("models/"))

    def write(self, topic: str, story_direction: str) -> AssetManifest:
        """Returns the manifest for two texts: by the model, or by the tables with a warning if the model fails.

        Raises:
            StoryModelError: The model cannot be asked until a person fixes the cause.
            OSError: The records cannot be written.
        """
        model = (self.settings.story_model or "").removeprefix("models/")
        topic, story_direction = bounded_text(topic), bounded_text(story_direction)
        if not topic and not story_direction:
            return create_asset_manifest(topic, story_direction)
        hero = read_brief(topic, story_direction).hero.name
        calls = ModelCallLog(self.store, run_id=self.run_id, model=model, topic=topic, story_direction=story_direction)
        try:
            return self._converse(calls, model, first_question(topic, story_direction, hero=hero), hero)
        except _GaveUpError as given_up:
            _log.warning("story_model_given_up", model=model, reason=str(given_up))
            warning = (
                f"{model} did not write these prompts: {str(given_up).rstrip('. ')}. Built-in tables did; to have the "
                "model try again, delete asset_manifest.json and run again"
            )
            fallback = create_asset_manifest(topic, story_direction)
            return fallback.model_copy(update={"warnings": (*fallback.warnings, warning)})

    def _converse(self, calls: ModelCallLog, model: str, turns: list[Turn], hero: str) -> AssetManifest:
        broken: tuple[str, ...] = ()
        for question in range(1, _QUESTIONS + 1):
            text = calls.received(question)
            if text is None:
                text = self._ask(calls, model, question, turns)
            try:
                return read_answer(text, hero=hero)
            except BrokenRulesError as error:
                broken = error.violations
                _log.warning("story_model_broke_rules", model=model, question=question, violations=list(broken))
                turns = repair_question(turns, text if error.readable else None, broken)
        more = f" and {len(broken) - _SHOWN_VIOLATIONS} more" if len(broken) > _SHOWN_VIOLATIONS else ""
        raise _GaveUpError(f"it broke the rules twice ({'; '.join(broken[:_SHOWN_VIOLATIONS])}{more})")

    def _ask(self, calls: ModelCallLog, model: str, question: int, turns: Sequence[Turn]) -> str:
        """Returns the answer to one question; retries transient failures that were not billed."""
        asked = "\n".join((INSTRUCTION, json.dumps(ANSWER_SCHEMA), *(turn.text for turn in turns)))
        self.report(Asked(model, question))
        writer = GeminiText(self.settings, model)
        for retries in range(_RETRIES + 1):
            with open_admission(self.settings, writer, run_id=self.run_id, reservation=self.reservation) as admission:
                self._admit(admission, model)
                token, began = calls.begin(question, asked=asked), time.monotonic()
                with first_interrupt_deferred():  # the answer is paid for
                    reply = writer.ask(turns, instruction=INSTRUCTION, schema=ANSWER_SCHEMA)
                    spend = calls.record_reply(token, reply, asked=asked)
                self._note(model, question, reply, spend, seconds=time.monotonic() - began)
                if reply.failure is None:
                    asyncio.run(admission.report_success())
                    return reply.text
                failure = asyncio.run(admission.report_failure(reply.failure))
            if failure.error_class is ErrorClass.FATAL:
                raise StoryModelError(model, failure)
            wait = _wait(failure, retries)
            if wait is None:
                raise _GaveUpError(f"[{failure.error_class}: {failure.code}] {failure.cause}")
            self.report(Waits(model, wait, failure))
            self.sleep(wait)
        raise AssertionError  # the last attempt has no wait

    def _admit(self, admission: Admission, model: str) -> None:
        """Waits until the model may be asked; a text is paid for like a picture."""

        def report(why: str) -> None:
            self.report(AdmissionWaits(why))

        async def wait() -> Failure | None:
            # This reservation is kept for the pictures, which reserve again for their actual number.
            return await admission.enter(self.pictures, report) or await admission.admit(report)

        if failure := asyncio.run(wait()):
            raise StoryModelError(model, failure)

    def _note(self, model: str, question: int, reply: Reply, spend: Spend | None, *, seconds: float) -> None:
        if spend is not None:
            self.bill.questions += 1
            self.bill.price_known &= spend.cost_source is not CostSource.UNKNOWN
        if reply.usage is not None:
            self.bill.input_tokens += reply.usage.input_tokens
            self.bill.output_tokens += reply.usage.output_tokens
        _log.info(
            "story_model_call",
            model=model,
            question=question,
            duration_seconds=round(seconds, 3),
            input_tokens=reply.usage.input_tokens if reply.usage else None,
            output_tokens=reply.usage.output_tokens if reply.usage else None,
            cost_usd=spend.cost_usd if spend and spend.kind is SpendKind.CONFIRMED else 0.0,
            possibly_billed_usd=spend.cost_usd if spend and spend.kind is SpendKind.POSSIBLY_BILLED else 0.0,
            failure=str(reply.failure) if reply.failure else None,
        )


def preflight_director(settings: Settings) -> Director:
    """Returns a director that pays nothing: the tables, with a warning if a model is set."""
    if settings.story_model is None:
        return Director()
    model = settings.story_model.removeprefix("models/")

    def write(topic: str, story_direction: str) -> AssetManifest:
        manifest = create_asset_manifest(topic, story_direction)
        if not bounded_text(topic) and not bounded_text(story_direction):
            return manifest  # the model would not be asked
        warning = (
            f"{model} would write this manifest when the run begins: its names and prompts will differ from these, "
            "which built-in tables wrote, and its cost is not in the sum"
        )
        return manifest.model_copy(update={"warnings": (*manifest.warnings, warning)})

    return Director(write, model)


def _wait(failure: Failure, retries: int) -> float | None:
    limited = replace(failure, max_retries=min(failure.max_retries, _RETRIES))
    wait = retry_wait(limited, retries, random.random())  # noqa: S311 - spreads retries, keeps no secret
    return None if wait is None or wait > _LONGEST_WAIT_SECONDS else wait

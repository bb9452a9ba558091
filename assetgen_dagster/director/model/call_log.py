"""That the writing of a manifest is paid once: what was asked and received, in the project's records.

The order of writing is that of ``drawing.attempt``. Before a question an entry, with what it may cost; when the
answer is there, its text and the money, in one change; when the manifest lies in its file, the entry goes. A run that
died in between is continued: an answer that was received is read again, not asked for again, and a question without
an answer counts as possibly billed.
"""

import hashlib
import secrets
import time

from assetgen_dagster.project.records import (
    MANIFEST,
    MANIFEST_NUMBER,
    CostSource,
    RecordStore,
    Spend,
    SpendKind,
    StoryCall,
)
from assetgen_dagster.providers.gemini.text import MOST_OUTPUT_TOKENS, Reply
from assetgen_dagster.providers.gemini.text_prices import TextUsage, count_tokens, text_cost


class ReservationStore:
    """The calls for one manifest, from one set of texts and one model.

    Args:
        store: The project's records.
        run_id: The run that pays.
        model: The model that is asked.
        topic: What the film is about.
        story_direction: What happens in it.
    """

    def __init__(self, store: RecordStore, *, run_id: str, model: str, topic: str, story_direction: str) -> None:
        self._store = store
        self._run_id = run_id
        self._model = model
        self._key = hashlib.sha256("\0".join((model, topic, story_direction)).encode()).hexdigest()
        # What was received for other texts is paid for, but of no use any more.
        with store.change() as records:
            records.story_calls = [call for call in records.story_calls if call.key == self._key]

    def received(self, question: int) -> str | None:
        """Returns the answer to a question that an earlier run received; None if none did."""
        calls = self._store.records.story_calls
        return next((call.answer for call in calls if call.question == question), None)

    def begin(self, question: int, *, asked: str) -> str:
        """Notes that a question is about to be asked; returns the name of the call."""
        token = secrets.token_hex(6)
        listed = text_cost(TextUsage(count_tokens(asked), MOST_OUTPUT_TOKENS), self._model)
        call = StoryCall(
            token=token,
            key=self._key,
            question=question,
            model=self._model,
            run_id=self._run_id,
            listed_usd=listed,
        )
        with self._store.change() as records:
            records.story_calls.append(call)
        return token

    def settle(self, token: str, reply: Reply, *, asked: str) -> Spend | None:
        """Books what a call cost, and keeps its answer; returns the money, if any was or may have been spent."""
        with self._store.change() as records:
            [call] = [call for call in records.story_calls if call.token == token]
            spend = _spend(call, reply, asked)
            if spend is not None:
                records.spends.append(spend)
            if reply.failure is None:
                call.answer = reply.text
            else:
                records.story_calls.remove(call)
        return spend


def settle_lost_calls(store: RecordStore) -> None:
    """Books the questions of a dead run: their answer never arrived, so they may have been billed."""
    lost = [call for call in store.records.story_calls if call.answer is None]
    if not lost:
        return
    with store.change() as records:
        records.story_calls = [call for call in records.story_calls if call.answer is not None]
        records.spends += [_lost(call) for call in lost]


def forget_calls(store: RecordStore) -> None:
    """Drops what was received: the manifest made from it lies in its file."""
    if store.records.story_calls:
        with store.change() as records:
            records.story_calls = []


def _spend(call: StoryCall, reply: Reply, asked: str) -> Spend | None:
    if reply.usage is not None:
        return _entry(call, SpendKind.CONFIRMED, _cost(call, reply, reply.usage), CostSource.USAGE)
    if reply.failure is None:
        usage = TextUsage(count_tokens(asked), count_tokens(reply.text))
        return _entry(call, SpendKind.CONFIRMED, _cost(call, reply, usage), CostSource.ESTIMATE)
    return _lost(call) if reply.failure.possibly_billed else None


def _cost(call: StoryCall, reply: Reply, usage: TextUsage) -> float | None:
    """Returns the price by the version that answered, which an alias such as "latest" does not tell."""
    cost = text_cost(usage, reply.model)
    return text_cost(usage, call.model) if cost is None else cost


def _lost(call: StoryCall) -> Spend:
    return _entry(call, SpendKind.POSSIBLY_BILLED, call.listed_usd, CostSource.ESTIMATE)


def _entry(call: StoryCall, kind: SpendKind, cost: float | None, source: CostSource) -> Spend:
    return Spend(
        token=call.token,
        name=MANIFEST,
        number=MANIFEST_NUMBER,
        kind=kind,
        cost_usd=cost or 0.0,
        cost_source=CostSource.UNKNOWN if cost is None else source,
        model=call.model,
        run_id=call.run_id,
        at=time.time(),
    )

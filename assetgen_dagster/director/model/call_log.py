"""Records the language model's calls in the project, so that writing a manifest is paid once.

The order of writes is that of ``drawing.attempt``: before a call, an entry with its possible cost; after the answer,
its text and cost in one change; once the manifest is in its file, the entry is removed. After a run that died, the next
one reads a received answer instead of asking again; a call without an answer counts as possibly billed.
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


class ModelCallLog:
    """The calls for one manifest, from one set of texts and one model.

    Args:
        store: The project's records.
        run_id: The run that pays.
        model: The model to ask.
        topic: The film's topic.
        story_direction: The outline of its story.
    """

    def __init__(self, store: RecordStore, *, run_id: str, model: str, topic: str, story_direction: str) -> None:
        self._store = store
        self._run_id = run_id
        self._model = model
        self._key = hashlib.sha256("\0".join((model, topic, story_direction)).encode()).hexdigest()
        # Answers for other texts are paid for, but no longer useful.
        with store.change() as records:
            records.story_calls = [call for call in records.story_calls if call.key == self._key]

    def received(self, question: int) -> str | None:
        """Returns the answer to a question that an earlier run received; None if none did."""
        calls = self._store.records.story_calls
        return next((call.answer for call in calls if call.question == question), None)

    def begin(self, question: int, *, asked: str) -> str:
        """Records a call before it is made; returns its token."""
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

    def record_reply(self, token: str, reply: Reply, *, asked: str) -> Spend | None:
        """Records a call's cost and answer; returns the spend, if the call was or may have been billed."""
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


def record_lost_calls(store: RecordStore) -> None:
    """Records a dead run's calls without an answer as possibly billed."""
    lost = [call for call in store.records.story_calls if call.answer is None]
    if not lost:
        return
    with store.change() as records:
        records.story_calls = [call for call in records.story_calls if call.answer is not None]
        records.spends += [_lost(call) for call in lost]


def forget_calls(store: RecordStore) -> None:
    """Removes the recorded answers, once the manifest made from them is in its file."""
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
    """Returns the price of the version that answered, which an alias such as "latest" does not name."""
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

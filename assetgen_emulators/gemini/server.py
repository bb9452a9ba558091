"""How the Gemini emulator answers a call: accepts or rejects it, bills it, and answers or fails as planned."""

import json
import time
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from assetgen_emulators.core.journal import Ticket
from assetgen_emulators.core.server import Handler, Service
from assetgen_emulators.gemini import faults, protocol, texts
from assetgen_emulators.gemini.faults import Fault, faults_from_json
from assetgen_emulators.gemini.journal import Call, Journal
from assetgen_emulators.gemini.pictures import Drawing
from assetgen_emulators.gemini.quota import RequestQuota

_PREFIX, _METHOD = "/v1beta/models/", ":generateContent"
_ACCEPT: dict[str, Callable[[Any, str], Drawing | texts.Writing]] = {
    "picture": Drawing.accept,
    "text": texts.Writing.accept,
}


class _Handler(Handler["GeminiEmulator"]):
    def answer(self, path: str, raw: bytes) -> None:
        """Answers generateContent, and what a model is."""
        name = unquote(path.removeprefix(_PREFIX))
        if path.startswith(_PREFIX) and self.command == "GET":
            self._describe(name)
        elif path.startswith(_PREFIX) and path.endswith(_METHOD) and self.command == "POST":
            self._generate(name.removesuffix(_METHOD), raw)
        else:
            self.send(404, protocol.error_body(404, "Requested entity was not found."))

    def _describe(self, name: str) -> None:
        self.emulator.looked_up.append(name)
        try:
            protocol.check_key(self._key(), self.emulator.api_keys)
            if name not in texts.MODELS:
                protocol.check_model(name)
        except protocol.Rejected as rejected:
            self.send(rejected.status, rejected.body)
        else:
            self.send(200, {"name": f"models/{name}", "supportedGenerationMethods": ["generateContent"]})

    def _key(self) -> str | None:
        return self.headers.get("x-goog-api-key") or parse_qs(urlsplit(self.path).query).get("key", [None])[0]

    def _generate(self, model_name: str, raw: bytes) -> None:
        emulator = self.emulator
        try:
            body = json.loads(raw)
        except ValueError:
            body = None
        question = protocol.read_question(body)
        kind = "text" if model_name in texts.MODELS else "picture"
        ticket = emulator.calls.arrive(model_name, question, self.path, kind)
        try:
            protocol.check_key(self._key(), emulator.api_keys)
            protocol.check_size(raw)
            work = _ACCEPT[kind](body, model_name)
        except protocol.Rejected as rejected:
            self.reply(ticket, "rejected", rejected.status, rejected.body)
            return
        action = emulator.fault_plan.take(
            lambda rule: rule.of in {None, kind} and (rule.prompt is None or rule.prompt in question.prompt),
            ticket.number - emulator.planned_after,
        )
        if action is None and emulator.quota is not None:
            action = emulator.quota.take()
        if isinstance(action, faults.ApiError | faults.HtmlPage | faults.Reset):
            self._refuse(ticket, action, model_name)
            return
        began = time.monotonic()
        tokens = work.tokens(action)
        emulator.calls.bill(ticket, work.billed_usd(tokens))  # the work is done whether or not the client waits
        wait = emulator.latency_seconds + (action.seconds if isinstance(action, faults.Delay) else 0.0)
        if isinstance(action, faults.Hang):
            self.client_stays(None)
            self.say_nothing(ticket, "stopped" if emulator.stopping else "hang")
            return
        answer = work.answer(action, tokens)
        if not self.client_stays(began + wait - time.monotonic()):
            self.say_nothing(ticket, "stopped" if emulator.stopping else "client_gone")
            return
        keep = action.keep if isinstance(action, faults.TornBody) else None
        self.reply(ticket, action.kind if action else "ok", 200, answer, keep=keep)

    def _refuse(
        self, ticket: Ticket, action: faults.ApiError | faults.HtmlPage | faults.Reset, model_name: str
    ) -> None:
        """Carries out a fault that happens instead of drawing or writing."""
        if isinstance(action, faults.Reset):
            self.reset(ticket, action.kind)
        elif isinstance(action, faults.HtmlPage):
            self.reply_with_page(ticket, action.kind, action.status, action.title)
        else:
            details = protocol.error_details(
                reason=action.reason,
                retry_delay_seconds=action.retry_delay_seconds,
                quota_id=action.quota_id,
                model=model_name,
            )
            body = protocol.error_body(action.status, action.message, details, action.api_status)
            self.reply(ticket, action.kind, action.status, body, headers=action.headers)


class GeminiEmulator(Service[Call, Fault]):
    """The server, running in threads of this process from ``with`` (or ``start``) on.

    In its plan, ``nth`` counts all calls since the plan was made.

    Args:
        port: 0 takes a free one.
        latency_seconds: How long drawing or writing takes.
        api_keys: The keys it accepts; None accepts any but an empty one.

    Attributes:
        planned_after: How many calls there were when the plan was made.
        looked_up: The models that were asked about, which costs nothing and so stands in no journal.
    """

    handler = _Handler
    calls: Journal

    def __init__(self, port: int = 0, latency_seconds: float = 0.0, api_keys: set[str] | None = None) -> None:
        super().__init__(port, Journal(), faults_from_json)
        self.latency_seconds = latency_seconds
        self.set_api_keys(api_keys)
        self.planned_after = 0
        self.looked_up: list[str] = []
        self.quota: RequestQuota | None = None

    def reset(self) -> None:
        """Empties journal and fault plan; the next call is number 1."""
        self.looked_up.clear()
        self.calls.clear()
        self.plan([])

    def plan(self, plan: Iterable[Fault]) -> None:
        """Replaces the fault plan; the next call is the plan's number 1."""
        self.planned_after = len(self.calls.calls())
        super().plan(plan)

    def set_api_keys(self, keys: set[str] | None) -> None:
        """Changes which keys it accepts, for calls that arrive from now on."""
        self.api_keys = frozenset(keys) if keys is not None else None

    def set_latency(self, seconds: float) -> None:
        """Changes how long drawing takes, for calls that arrive from now on."""
        self.latency_seconds = seconds

    def limit_requests(self, requests: int | None, window_seconds: float = 60.0) -> None:
        """Answers 429 to calls beyond so many in any window from now on; None lifts the limit."""
        self.quota = None if requests is None else RequestQuota(requests, window_seconds)

    def control(self, name: str, raw: bytes) -> Any:
        """Carries out a request to ``/standin/<name>``."""
        return self.reset() if name == "reset" else super().control(name, raw)

"""How the Gemini emulator answers a call: accepts or rejects it, bills it, and answers or fails as planned."""

import json
import time
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from assetgen_emulators.core.faults import Hang
from assetgen_emulators.core.journal import Ticket
from assetgen_emulators.core.server import Handler, Service
from assetgen_emulators.gemini import faults, protocol, texts
from assetgen_emulators.gemini.faults import Fault, faults_from_json
from assetgen_emulators.gemini.journal import Call
from assetgen_emulators.gemini.pictures import Drawing

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
        ticket = emulator.calls.enter(
            model=model_name, target=self.path, kind=kind, prompt_sha256=question.prompt_sha256, **vars(question)
        )
        try:
            protocol.check_key(self._key(), emulator.api_keys)
            protocol.check_access(model_name, restricted=emulator.restricted, billing=emulator.billing)
            protocol.check_size(raw)
            work = _ACCEPT[kind](body, model_name)
        except protocol.Rejected as rejected:
            self.respond(ticket, None, rejected.status, rejected.body, outcome="rejected")
            return
        action = emulator.fault_plan.take(
            lambda rule: rule.of in {None, kind} and (rule.prompt is None or rule.prompt in question.prompt),
            ticket.number - emulator.planned_after,
        )
        if action is None and (wait := emulator.limit.take()) is not None:
            action = _over_quota(wait)
        if isinstance(action, faults.ApiError):
            self._refuse(ticket, action, model_name)
            return
        tokens = work.tokens(action)
        if isinstance(action, faults.HtmlPage | faults.Reset):
            if action.billed:
                emulator.calls.note(ticket, billed_usd=work.billed_usd(tokens))
            self.respond(ticket, action, 0, None)
            return
        began = time.monotonic()
        emulator.calls.note(ticket, billed_usd=work.billed_usd(tokens))  # whether or not the client waits
        answer = None if isinstance(action, Hang) else work.answer(action, tokens)
        self.respond(ticket, action, 200, answer, latency=began + emulator.latency_seconds - time.monotonic())

    def _refuse(self, ticket: Ticket, error: faults.ApiError, model_name: str) -> None:
        details = protocol.error_details(
            error.reason,
            error.retry_delay_seconds,
            error.quota_id,
            model_name,
            quota_value=error.quota_value,
            metadata=error.metadata,
        )
        body = protocol.error_body(error.status, error.message, details, error.api_status)
        self.respond(ticket, error, 200 if error.inside_200 else error.status, body, error.headers)


def _over_quota(wait: float) -> faults.ApiError:
    message = f"You exceeded your current quota. Please retry in {wait:.9f}s."
    quota_id = "GenerateRequestsPerMinutePerProjectPerModel"
    return faults.ApiError(429, message=message, retry_delay_seconds=round(wait, 3), quota_id=quota_id)


class GeminiEmulator(Service[Call, Fault]):
    """The server; it serves while in ``with``, or from ``start`` to ``stop``.

    In its plan, ``nth`` counts all calls since the plan was made.

    Args:
        port: 0 takes a free one.
        latency_seconds: How long drawing or writing takes.
        api_keys: The keys that it accepts; None accepts any but an empty one.

    Attributes:
        planned_after: How many calls there were when the plan was made.
        looked_up: The models that were asked about; that costs nothing, so it is not in the journal.
        restricted: The models that are kept for earlier users: shown, but every call is refused.
        billing: Whether the key's project has billing; without it every call is refused.
    """

    handler = _Handler

    def __init__(self, port: int = 0, latency_seconds: float = 0.0, api_keys: set[str] | None = None) -> None:
        super().__init__(port, Call, faults_from_json)
        self.latency_seconds = latency_seconds
        self.set_api_keys(api_keys)
        self.restricted: frozenset[str] = frozenset()
        self.billing = True
        self.planned_after = 0
        self.looked_up: list[str] = []

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

    def control(self, name: str, raw: bytes) -> Any:
        """Carries out a request to ``/standin/<name>``."""
        return self.reset() if name == "reset" else super().control(name, raw)

"""Which requests the UI answers: its own pages, programs, and links; no other page, whatever it sends."""

import asyncio
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from assetgen_dagster.cli.ui_guard import UIGuard, refusal
from assetgen_dagster.settings import load_settings
from assetgen_dagster.support.hosts import Authority, read_authority

OWN = "http://127.0.0.1:3000"
JSON = {"content-type": "application/json"}
LINK = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}


def asked(
    method: str = "GET", path: str = "/", *, host: str | None = "127.0.0.1:3000", **headers: str | None
) -> dict[str, Any]:
    """Returns a request; ``WS`` as method stands for a WebSocket."""
    given = {"host": host} | {name.replace("_", "-"): value for name, value in headers.items()}
    raw = [(name.encode(), value.encode("latin-1")) for name, value in given.items() if value is not None]
    kind = {"type": "websocket"} if method == "WS" else {"type": "http", "method": method}
    return {**kind, "path": path, "headers": raw}


ANSWERED = {
    "a person opens it": asked(sec_fetch_site="none", sec_fetch_mode="navigate", sec_fetch_dest="document"),
    "its page loads a file": asked(path="/_next/main.js", sec_fetch_site="same-origin", sec_fetch_mode="no-cors"),
    "its page asks": asked("POST", "/graphql", origin=OWN, sec_fetch_site="same-origin", **JSON),
    "its page subscribes": asked("WS", "/graphql", origin=OWN),
    "by its other name": asked("POST", "/graphql", host="localhost:3000", origin="http://localhost:3000", **JSON),
    "by IPv6": asked("POST", "/graphql", host="[::1]:3000", origin="http://[::1]:3000", **JSON),
    "a health check by address": asked(path="/server_info", host="10.1.2.3:3000"),
    "a program": asked("POST", "/graphql", **JSON),
    "a program, with a charset": asked("POST", "/graphql", content_type="application/json; charset=utf-8"),
    "a program's subscription": asked("WS", "/graphql"),
    "a row's link": asked(path="/runs/4711", **LINK),
    "the editor": asked(path="/graphql", accept="text/html,*/*"),
    "a report of another system": asked("POST", "/report_asset_materialization/image_01"),
    "through a proxy": asked("POST", "/graphql", host="ui.example.org", origin="https://ui.example.org", **JSON),
    "through a proxy, in capitals": asked(host="UI.example.org", origin="https://ui.example.org:443"),
    "a proxy that asks by a name of its own": asked(
        "POST", "/graphql", host="webserver:3000", origin="https://ui.example.org", **JSON
    ),
}

REFUSED = {
    "a name bound to this machine": asked(host="evil.example:3000"),
    "bound, and its own origin": asked("POST", "/graphql", host="evil.example", origin="http://evil.example", **JSON),
    "a name that begins like ours": asked(host="localhost.evil.example:3000"),
    "a name that begins like an address": asked(host="127.0.0.1.evil.example:3000"),
    "a name that ends like ours": asked(host="evil-ui.example.org"),
    "an address that only resolvers read": asked(host="2130706433"),
    "a user before the name": asked(host="127.0.0.1:3000@evil.example"),
    "a path behind the name": asked(host="localhost/evil.example"),
    "a port that is none": asked(host="localhost:evil"),
    "no host": asked(host=None),
    "an empty host": asked(host=""),
    "two hosts": {**asked(), "headers": [(b"host", b"localhost"), (b"host", b"evil.example")]},
    "another site's page": asked("POST", "/graphql", origin="https://evil.example", **JSON),
    "another port of this machine": asked("POST", "/graphql", origin="http://127.0.0.1:8080", **JSON),
    "another name of this machine": asked("POST", "/graphql", origin="http://localhost:3000", **JSON),
    "another port of the proxy": asked("POST", "/graphql", origin="https://ui.example.org:8443", **JSON),
    "a sandboxed frame or a file": asked("POST", "/graphql", origin="null", **JSON),
    "an extension": asked("POST", "/graphql", origin="chrome-extension://abcdef", **JSON),
    "two origins": {**asked("POST"), "headers": [*asked()["headers"], (b"origin", OWN.encode()), (b"origin", b"null")]},
    "a subscription of another site": asked("WS", "/graphql", origin="https://evil.example"),
    "a subscription that says no origin": asked("WS", "/graphql", sec_fetch_site="cross-site"),
    "a preflight of another site": asked("OPTIONS", "/graphql", origin="https://evil.example"),
    "a picture tag": asked(path="/graphql", sec_fetch_site="cross-site", sec_fetch_mode="no-cors"),
    "a picture tag of an old browser": asked(path="/graphql", accept="image/png,*/*"),
    "a picture tag in our own page": asked(path="/graphql", origin=OWN, sec_fetch_site="same-origin"),
    "the same, by HEAD": asked("HEAD", "/graphql"),
    "under a path of its own": asked(path="/ui/graphql/"),
    "a link that asks": asked(path="/graphql", accept="*/*", **LINK),
    "a script tag": asked(path="/logs/1/compute.out", sec_fetch_site="cross-site", sec_fetch_mode="no-cors"),
    "a page of the same site": asked(sec_fetch_site="same-site", sec_fetch_mode="cors"),
    "a frame": asked(sec_fetch_site="cross-site", sec_fetch_mode="navigate", sec_fetch_dest="iframe"),
    "a form that navigates": asked("POST", "/report_asset_materialization/image_01", **LINK),
    "a form of an old browser": asked("POST", "/graphql", content_type="application/x-www-form-urlencoded"),
    "text that looks like JSON": asked("POST", "/graphql", content_type="text/plain; x=application/json"),
    "a query in the address": asked("POST", "/graphql"),
}


@pytest.fixture
def allowed(monkeypatch: pytest.MonkeyPatch) -> frozenset[Authority]:
    monkeypatch.setenv("ASSETGEN_UI_URL", "https://ui.example.org/dagster/")
    monkeypatch.setenv("ASSETGEN_UI_HOSTS", "webserver, other.example.org:8080,")
    return load_settings().ui_hosts


@pytest.mark.parametrize("request_", ANSWERED.values(), ids=ANSWERED)
def test_is_answered(request_: Scope, allowed: frozenset[Authority]) -> None:
    assert refusal(request_, allowed) is None


@pytest.mark.parametrize("request_", REFUSED.values(), ids=REFUSED)
def test_is_refused(request_: Scope, allowed: frozenset[Authority]) -> None:
    assert refusal(request_, allowed)


def test_without_settings_only_this_machine_is_answered() -> None:
    assert load_settings().ui_hosts == frozenset()


@pytest.mark.parametrize(
    "text", ["", "a b", "http://name", "name/path", "user@name", "name:port", "name?x", "[::1", "\tname"]
)
def test_no_authority(text: str) -> None:
    assert read_authority(text) is None


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    del receive
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-security-policy", b"x")]})
        await send({"type": "http.response.body", "body": b"done"})
    elif scope["type"] == "websocket":
        await send({"type": "websocket.accept"})


def sent(request_: Scope) -> list[Message]:
    messages: list[Message] = []

    async def receive() -> Message:
        raise NotImplementedError

    async def send(message: Message) -> None:
        messages.append(message)

    asyncio.run(UIGuard(app, frozenset())(request_, receive, send))
    return messages


def test_what_is_refused_does_not_reach_the_app() -> None:
    assert [one.get("status") for one in sent(asked(host="evil.example"))] == [403, None]
    assert [one["type"] for one in sent(asked("WS", origin="http://evil.example"))] == ["websocket.close"]


def test_an_answer_forbids_frames_beside_the_policy_of_the_app() -> None:
    start, body = sent(asked())
    assert [value for name, value in start["headers"] if name == b"content-security-policy"] == [
        b"x",
        b"frame-ancestors 'self'",
    ]
    assert body["body"] == b"done"
    assert sent(asked("WS")) == [{"type": "websocket.accept"}]

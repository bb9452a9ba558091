"""Keeps web pages from using the Dagster UI: it has no login, runs mutations by GET, and checks no origin.

Without this, an ``<img>`` in any page that an operator opens could start a run that pays.
"""

import logging
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from assetgen_dagster.support.hosts import Authority, is_ip_address, read_authority

_logger = logging.getLogger(__name__)

_LOCAL: Final = "localhost"

#: What a page can send to another site without that site's consent.
_FORM_TYPES = frozenset({"", "application/x-www-form-urlencoded", "multipart/form-data", "text/plain"})

#: No other page may show the UI in a frame, where a person could be led to click on it.
_FRAMES = "frame-ancestors 'self'"


def refusal(scope: Scope, allowed: frozenset[Authority]) -> str | None:
    """Returns why a request to the UI is refused; None if it is not.

    Args:
        scope: The request, an ASGI scope of type ``http`` or ``websocket``.
        allowed: The addresses that the UI answers to, ``Settings.ui_hosts``.
    """
    headers = Headers(scope=scope)
    host = _only_host(headers.getlist("host"))
    # A page that rebinds its own name to this machine gives itself away by that name. Addresses cannot be rebound.
    if host is None or not (is_ip_address(host.name) or host.name in {_LOCAL, *(one.name for one in allowed)}):
        return (
            f"This UI does not answer to the host {headers.get('host', '')!r}. Behind a proxy, set ASSETGEN_UI_URL to "
            "the proxy's address, and ASSETGEN_UI_HOSTS to the names that the proxy itself asks for."
        )
    for origin in headers.getlist("origin"):
        if not _is_ours(origin, host, allowed):
            return f"Pages of {origin!r} may not use this UI. If it is a proxy's address, set ASSETGEN_UI_URL to it."
    if headers.get("sec-fetch-site", "none") not in {"none", "same-origin"} and not _follows_link(scope, headers):
        return "Other sites may link to this UI, but not load or embed anything of it."
    if scope["type"] == "http" and scope["path"].rstrip("/").endswith("/graphql"):
        return _graphql_refusal(scope["method"], headers)
    return None


def _only_host(given: list[str]) -> Authority | None:
    return read_authority(given[0]) if len(given) == 1 else None


def _is_ours(origin: str, host: Authority, allowed: frozenset[Authority]) -> bool:
    scheme, _, rest = origin.partition("://")
    page = read_authority(rest)
    if page is None or scheme not in {"http", "https"}:
        return False
    return page.with_port(scheme) in {one.with_port(scheme) for one in (host, *allowed)}


def _follows_link(scope: Scope, headers: Headers) -> bool:
    """Returns whether a person follows a link into a window of its own, such as from a row in Notion."""
    to_window = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    return to_window and scope["type"] == "http" and scope["method"] in {"GET", "HEAD"}


def _graphql_refusal(method: str, headers: Headers) -> str | None:
    """Returns why GraphQL is refused: operations are answered by POST only, in a form that no form can send."""
    if method == "POST":
        sent = headers.get("content-type", "").partition(";")[0].strip().lower()
        return "Send GraphQL as application/json." if sent in _FORM_TYPES else None
    if "text/html" in headers.get("accept", ""):
        return None  # Dagster answers with its editor, and executes nothing
    return "Send GraphQL by POST."


class UIGuard:
    """Dagster's ASGI app behind the check.

    Args:
        app: The app.
        allowed: The addresses that it answers to, ``Settings.ui_hosts``.
    """

    def __init__(self, app: ASGIApp, allowed: frozenset[Authority]) -> None:
        self._app = app
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request, or refuses it with status 403."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        why = refusal(scope, self._allowed)
        if why is None:
            await self._app(scope, receive, _unframed(send))
            return
        _logger.warning("Refused %s %r: %s", scope.get("method", "WebSocket"), scope["path"], why)
        answer = PlainTextResponse(f"{why}\n", 403) if scope["type"] == "http" else WebSocketClose(1008)
        await answer(scope, receive, send)


def _unframed(send: Send) -> Send:
    async def send_unframed(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).append("content-security-policy", _FRAMES)
        await send(message)

    return send_unframed

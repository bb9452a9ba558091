"""Talks to the Notion emulator over the wire, as any client would."""

import json
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from assetgen_emulators.notion import TOKEN, NotionEmulator

#: An id that nothing has.
UNKNOWN = "00000000-0000-4000-8000-000000000000"


def database_of(notion: NotionEmulator) -> str:
    return next(iter(notion.world.databases))


def ask(
    notion: NotionEmulator, path: str, body: Any = None, method: str = "GET", **headers: str | None
) -> tuple[int, dict[str, Any]]:
    given = {"Authorization": f"Bearer {TOKEN}", "Notion-Version": "2025-09-03"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    raw = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
    sent = {name: value for name, value in given.items() if value is not None}
    try:
        with urlopen(Request(notion.base_url + path, raw, sent, method=method), timeout=10) as answer:
            return answer.status, json.loads(answer.read())
    except HTTPError as error:
        return error.code, json.loads(error.read())

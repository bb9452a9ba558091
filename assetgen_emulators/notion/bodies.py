"""Bodies of requests to the Notion emulator: JSON, or the file of an upload."""

import email
import json
from email.message import Message
from typing import Any

from assetgen_emulators.notion import protocol
from assetgen_emulators.notion.uploads import PART_BYTES, SentFile

_SEND = "file_uploads.send"


def read_body(request: protocol.Request, raw: bytes, content_type: str) -> Any:
    """Returns the body of a request: parsed JSON, a ``SentFile``, or None."""
    if request.query and request.endpoint != "blocks.children.list":
        raise protocol.invalid(f"The emulator knows no query string here: {request.query[:80]}")
    if request.endpoint == _SEND:
        return _sent_file(raw, content_type)
    if len(raw) > protocol.BODY_BYTES:
        raise protocol.Refused(413, "validation_error", "The request is larger than 500 KB.")
    if not raw:
        return None
    try:
        return json.loads(raw)
    except ValueError:
        raise protocol.Refused(400, "invalid_json", "Error parsing JSON body.") from None


def for_the_journal(body: Any) -> Any:
    """Returns a body as the journal keeps it: a file's name, size and hash instead of its content."""
    return body.in_short() if isinstance(body, SentFile) else body


def _sent_file(raw: bytes, content_type: str) -> SentFile:
    if len(raw) > PART_BYTES + protocol.BODY_BYTES:
        raise protocol.Refused(413, "validation_error", "The request is larger than 20 MB.")
    if not content_type.startswith("multipart/form-data"):
        raise protocol.invalid("Content-Type should be multipart/form-data for this endpoint.")
    head = Message()
    head["Content-Type"] = content_type
    boundary = head.get_param("boundary")
    for part in raw.split(f"--{boundary}".encode()) if isinstance(boundary, str) else ():
        lines, _, content = part.partition(b"\r\n\r\n")
        about = email.message_from_bytes(lines.lstrip())
        if about.get_param("name", header="content-disposition") == "file":
            return SentFile(about.get_filename() or "", about.get_content_type(), content.removesuffix(b"\r\n"))
    raise protocol.malformed("file", "defined", None)

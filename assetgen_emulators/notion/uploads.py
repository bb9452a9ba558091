"""The Notion emulator's file uploads: made, sent, attached, or expired; not thread-safe.

After the API's guide to small files: one part of at most 20 MB, and an hour to send and attach it.
"""

import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from assetgen_emulators.notion import protocol

PART_BYTES = 20 * 1024 * 1024
_LIFE = timedelta(hours=1)
_FILENAME_BYTES = 900
_TYPES = {"image/jpeg": (".jpg", ".jpeg"), "image/png": (".png",), "application/pdf": (".pdf",)}


@dataclass
class Upload:
    """One file upload.

    Attributes:
        filename: As the request gave it.
        content_type: As the request gave it, or as the file was sent.
        made: When.
        content: None until it is sent.
        attached: Whether a block shows it; then it does not expire.
        id: Its id.
    """

    filename: str | None
    content_type: str | None
    made: datetime
    content: bytes | None = None
    attached: bool = False
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def status(self, now: datetime) -> str:
        """Returns ``pending``, ``uploaded`` or ``expired``."""
        if not self.attached and now >= self.made + _LIFE:
            return "expired"
        return "pending" if self.content is None else "uploaded"


@dataclass(frozen=True)
class SentFile:
    """The part ``file`` of a multipart request."""

    filename: str
    content_type: str
    content: bytes

    def in_short(self) -> dict[str, Any]:
        """Returns what the journal says of it."""
        size, digest = len(self.content), hashlib.sha256(self.content).hexdigest()
        return {"filename": self.filename, "content_type": self.content_type, "size": size, "sha256": digest}


class Uploads:
    """All file uploads of the workspace.

    Args:
        bot: The integration's user.
        base_url: Where the emulator is.
        now: The clock.

    Attributes:
        largest: The most bytes that a file may have; 5 MiB in Notion's free workspaces.
    """

    def __init__(
        self, bot: str, base_url: Callable[[], str], now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._bot = bot
        self.now = now
        self.largest = PART_BYTES
        self._base_url = base_url
        self._uploads: dict[str, Upload] = {}

    def all(self) -> list[Upload]:
        """Returns the uploads, oldest first."""
        return list(self._uploads.values())

    def create(self, body: Any) -> dict[str, Any]:
        """Answers ``file_uploads.create``."""
        allowed = {"mode", "filename", "content_type", "number_of_parts", "external_url"}
        body = protocol.check_fields({} if body is None else body, allowed)
        if body.get("mode", "single_part") != "single_part":
            raise protocol.malformed("mode", '`"single_part"` (the emulator knows no other)', body["mode"])
        name, kind = body.get("filename"), body.get("content_type")
        if name is not None and (not isinstance(name, str) or not 0 < len(name.encode()) <= _FILENAME_BYTES):
            raise protocol.malformed("filename", f"a string of at most {_FILENAME_BYTES} bytes", name)
        if kind is not None and kind not in _TYPES:
            raise protocol.invalid(f"Content type {kind} is not supported.")
        if kind is not None and name is not None and "." in name and not name.lower().endswith(_TYPES[kind]):
            raise protocol.invalid(f"The extension of {name} does not match the content type {kind}.")
        made = Upload(name, kind, self.now())
        self._uploads[made.id] = made
        return self.answer(made)

    def send(self, upload_id: str, sent: Any) -> dict[str, Any]:
        """Answers ``file_uploads.send``."""
        upload = self.get(upload_id)
        if not isinstance(sent, SentFile):
            raise protocol.malformed("file", "defined", None)
        if (status := upload.status(self.now())) != "pending":
            raise protocol.invalid(f"File upload {upload_id} is not pending: its status is {status}.")
        if len(sent.content) > self.largest:
            raise protocol.Refused(400, "validation_error", "The file is larger than this workspace allows.")
        if upload.content_type not in (None, sent.content_type):
            raise protocol.invalid(f"Content type {sent.content_type} does not match {upload.content_type}.")
        upload.content, upload.content_type = sent.content, sent.content_type
        upload.filename = upload.filename or sent.filename
        return self.answer(upload)

    def attach(self, upload_id: Any, place: str) -> Upload:
        """Returns an upload that is now shown by a block."""
        upload = self.get(protocol.parse_id(str(upload_id)))
        if (status := upload.status(self.now())) != "uploaded":
            raise protocol.invalid(f"{place}: file upload {upload.id} cannot be attached, its status is {status}.")
        upload.attached = True
        return upload

    def get(self, upload_id: str) -> Upload:
        """Returns an upload."""
        if upload_id not in self._uploads:
            raise protocol.not_found("file_upload", upload_id)
        return self._uploads[upload_id]

    def link_expiry(self) -> str:
        """Returns until when the link to a file is valid that is answered now."""
        return protocol.timestamp(self.now() + _LIFE)

    def answer(self, upload: Upload) -> dict[str, Any]:
        """Returns an upload as the API answers it."""
        status = upload.status(self.now())
        answer = {
            "object": "file_upload",
            "id": upload.id,
            "created_time": protocol.timestamp(upload.made),
            "created_by": {"id": self._bot, "type": "bot"},
            "last_edited_time": protocol.timestamp(upload.made),
            "expiry_time": None if upload.attached else protocol.timestamp(upload.made + _LIFE),
            "archived": False,
            "in_trash": False,
            "status": status,
            "filename": upload.filename,
            "content_type": upload.content_type,
            "content_length": None if upload.content is None else len(upload.content),
        }
        if status == "pending":
            answer["upload_url"] = f"{self._base_url()}/v1/file_uploads/{upload.id}/send"
        return answer

"""Where a project's manifest comes from: the JSON a person edited, else ``03_assets.md``, else topic and story.

Which of them wins is a pure decision (``resolve_manifest``); the rest reads and writes the project folder.
"""

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from assetgen_dagster.errors import AssetgenError
from assetgen_dagster.files import write_atomically
from assetgen_dagster.story.director import create_asset_manifest
from assetgen_dagster.story.document import read_document
from assetgen_dagster.story.manifest import AssetManifest, count_warnings

MANIFEST_FILE = "asset_manifest.json"
DOCUMENT_FILE = "03_assets.md"


class NoStoryError(AssetgenError):
    """Nothing says what to draw."""


class ManifestConflictError(AssetgenError):
    """Both the manifest and what it was made from were changed."""


class ManifestFileError(AssetgenError):
    """The manifest's JSON cannot be used."""


class TooManyPicturesError(AssetgenError):
    """The manifest has more pictures than there are image assets."""


@dataclass(frozen=True)
class Story:
    """What a producer writes into Notion; either may be empty."""

    topic: str
    story_direction: str


class Source(BaseModel):
    """What a manifest was made from, as its file says.

    Attributes:
        kind: ``document`` or ``story``.
        description: For people.
        source_sha256: Hash of the document, or of topic and story direction.
        content_sha256: Hash of the manifest as it was written; a person's edits change it.
        topic: For a story.
        story_direction: For a story.
    """

    kind: str
    description: str
    source_sha256: str
    content_sha256: str
    topic: str | None = None
    story_direction: str | None = None


@dataclass(frozen=True)
class ManifestFile:
    """A manifest as it lies in a project folder; without a source it was written by hand from scratch."""

    manifest: AssetManifest
    source: Source | None

    @property
    def edited(self) -> bool:
        """Whether a person changed it since it was written."""
        return self.source is None or self.manifest.content_sha256() != self.source.content_sha256


class Action(StrEnum):
    """What became of the manifest's file."""

    KEPT = "kept"
    KEPT_EDITED = "kept as edited"
    WRITTEN = "written"


@dataclass(frozen=True)
class Resolution:
    """The manifest in force, and why."""

    manifest: AssetManifest
    source: Source | None
    action: Action
    reason: str

    def store(self, folder: Path) -> None:
        """Writes the manifest if it is a new one; a file that is kept is not touched."""
        if self.action is Action.WRITTEN:
            write_manifest(folder / MANIFEST_FILE, self.manifest, self.source)


def resolve_manifest(existing: ManifestFile | None, document: str | None, story: Story | None) -> Resolution:
    """Decides which manifest is in force.

    Args:
        existing: What lies in the project folder.
        document: The text of ``03_assets.md``, if there is one.
        story: Topic and story direction, if they were given.

    Raises:
        NoStoryError: There is none of the three.
        ManifestConflictError: The manifest was edited, and what it was made from has changed, too.
        AssetgenError: The document cannot be read.
    """
    offered = _offered_sha256(document, story)
    if existing is None:
        if offered is None:
            raise NoStoryError(
                f"Nothing says what to draw. Put a {DOCUMENT_FILE} or an {MANIFEST_FILE} into the project folder, or "
                "give topic and story_direction: in the run config of asset_manifest, or as --topic and --story, or "
                "--document, of assetgen generate."
            )
        return _make(document, story, "there was none")
    changed = existing.source is not None and offered not in (None, existing.source.source_sha256)
    if existing.edited:
        if changed and existing.source is not None:
            now = DOCUMENT_FILE if document is not None else "topic and story direction"
            raise ManifestConflictError(
                f"Both {MANIFEST_FILE} and {now} were changed since the manifest was written from "
                f"{existing.source.description}. Delete {MANIFEST_FILE} to take the new {now}, or remove its "
                '"source" block to keep the edits. Nothing was drawn.'
            )
        return Resolution(existing.manifest, existing.source, Action.KEPT_EDITED, "edited by hand")
    if changed:
        return _make(document, story, "its source has changed")
    return Resolution(existing.manifest, existing.source, Action.KEPT, "its source is unchanged")


def resolve_in_folder(folder: Path, story: Story | None) -> Resolution:
    """Decides which manifest is in force for a project folder; writes nothing.

    Raises:
        AssetgenError: See ``resolve_manifest`` and ``load_manifest``.
    """
    path = folder / DOCUMENT_FILE
    try:
        document = path.read_text(encoding="utf-8", errors="replace") if path.exists() else None
    except OSError as error:
        raise AssetgenError(f"Cannot read {path}: {error.strerror}.") from None
    try:
        return resolve_manifest(load_manifest(folder / MANIFEST_FILE), document, story)
    except NoStoryError as error:
        raise NoStoryError(f"{error} The project folder is {folder}.") from None


def load_manifest(path: Path) -> ManifestFile | None:
    """Returns the manifest at ``path``, or None if there is no file.

    Raises:
        ManifestFileError: It is no JSON, or no manifest; says where.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ManifestFileError(f"Cannot read {path}: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise ManifestFileError(f"{path} is not UTF-8 text: save it as UTF-8.") from None
    except json.JSONDecodeError as error:
        raise ManifestFileError(f"{path}, line {error.lineno}, column {error.colno}: {error.msg}.") from None
    try:
        source = content.pop("source", None) if isinstance(content, dict) else None
        return ManifestFile(
            AssetManifest.model_validate(content), Source.model_validate(source) if source is not None else None
        )
    except ValidationError as error:
        raise ManifestFileError(f"{path}: {_first_fault(error)}.") from None


def write_manifest(path: Path, manifest: AssetManifest, source: Source | None) -> None:
    """Writes a manifest as JSON that a person can read and edit.

    Raises:
        ManifestFileError: The file cannot be written.
    """
    content: dict[str, Any] = manifest.model_dump(mode="json", exclude_none=True)
    if source is not None:
        content["source"] = source.model_dump(mode="json", exclude_none=True)
    try:
        write_atomically(path, (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())
    except OSError as error:
        raise ManifestFileError(f"Cannot write {path}: {error.strerror}.") from None


def check_slots(manifest: AssetManifest, slots: int) -> None:
    """Does nothing if there is an image asset for every picture.

    Raises:
        TooManyPicturesError: There is not; names the setting and the number to give it.
    """
    count = len(manifest.assets)
    if count > slots:
        raise TooManyPicturesError(
            f"The manifest has {count} pictures, but ASSETGEN_IMAGE_SLOTS is {slots}. Set ASSETGEN_IMAGE_SLOTS={count} "
            "and restart what loads the code location (make dev), or shorten the manifest. Nothing was drawn."
        )


def _make(document: str | None, story: Story | None, reason: str) -> Resolution:
    if document is not None:
        manifest, kind, described, texts = read_document(document), "document", DOCUMENT_FILE, {}
    else:
        given = story or Story("", "")
        manifest = create_asset_manifest(given.topic, given.story_direction)
        kind, described = "story", "topic and story direction"
        texts = {"topic": given.topic, "story_direction": given.story_direction}
    manifest = manifest.model_copy(update={"warnings": (*manifest.warnings, *count_warnings(manifest))})
    source = Source(
        kind=kind,
        description=described,
        source_sha256=_offered_sha256(document, story) or "",
        content_sha256=manifest.content_sha256(),
        **texts,
    )
    return Resolution(manifest, source, Action.WRITTEN, f"from {described}: {reason}")


def _offered_sha256(document: str | None, story: Story | None) -> str | None:
    if document is not None:
        text = f"document\0{document}"
    elif story is not None:
        text = f"story\0{story.topic}\0{story.story_direction}"
    else:
        return None
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def _first_fault(error: ValidationError) -> str:
    fault = error.errors()[0]
    where = ".".join(str(part) for part in fault["loc"]) or "the file"
    return f"{where}: {fault['msg'].removeprefix('Value error, ')}"

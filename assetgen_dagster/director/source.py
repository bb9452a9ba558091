"""Where a project's manifest comes from: a JSON edited by hand, else a producer's document, else a topic and a story.

The decision is a pure function of the three; reading and writing the two files stands below it. An unchanged source
never rewrites the manifest, and an edited manifest is never overwritten.
"""

import difflib
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from assetgen_dagster.director.director import create_asset_manifest
from assetgen_dagster.documents import DocumentError, check_all_read, read_document
from assetgen_dagster.errors import AssetgenError, Code, OneCodeError
from assetgen_dagster.manifest.errors import shortened
from assetgen_dagster.manifest.file import (
    MANIFEST_FILE,
    ManifestFile,
    Source,
    all_warnings,
    load_manifest,
    write_manifest,
)
from assetgen_dagster.manifest.model import AssetManifest
from assetgen_dagster.support.text import clean_text

DOCUMENT_FILE = "03_assets.md"


class NoStoryError(OneCodeError):
    """There is nothing a manifest could be made from."""

    code = Code.NO_STORY


class ManifestConflictError(OneCodeError):
    """The manifest was edited, and its source has changed, too: only a person can say which counts."""

    code = Code.MANIFEST_CONFLICT


@dataclass(frozen=True)
class Story:
    """A topic and a story direction; either may be empty."""

    topic: str
    story_direction: str


@dataclass(frozen=True)
class Director:
    """Writes a manifest from a topic and a story direction.

    Attributes:
        write: Takes the two texts.
        model: The language model that it asks; None for our tables.
    """

    write: Callable[[str, str], AssetManifest] = create_asset_manifest
    model: str | None = None


class Action(StrEnum):
    """What becomes of the manifest's file."""

    KEPT = "kept"
    KEPT_EDITED = "kept as edited"
    WRITTEN = "written"


@dataclass(frozen=True)
class Resolution:
    """The manifest in force, and why.

    Attributes:
        manifest: The manifest.
        source: What it was made from; None for one written by hand.
        action: What becomes of its file.
        reason: Why, for people.
    """

    manifest: AssetManifest
    source: Source | None
    action: Action
    reason: str

    def store(self, folder: Path) -> None:
        """Writes the manifest if it is a new one; a file that is kept is not touched."""
        if self.action is Action.WRITTEN:
            write_manifest(folder / MANIFEST_FILE, self.manifest, self.source)


def resolve_manifest(
    existing: ManifestFile | None,
    document: str | None,
    story: Story | None,
    *,
    folder: Path | None = None,
    named: Path | None = None,
    director: Director | None = None,
) -> Resolution:
    """Decides where a project's manifest comes from.

    Args:
        existing: The project's manifest file, if there is one.
        document: The producer's document, if there is one.
        story: Topic and story direction, if they were given.
        folder: The project folder, for messages.
        named: The document's file where that is not the folder's own, likewise.
        director: Writes from a story; the tables unless given. Called only if a story is needed.

    Raises:
        NoStoryError: There is none of the three.
        ManifestConflictError: The manifest file and its source have both changed.
        DocumentError: The document is needed, and cannot be used.
        UnreadPicturesError: The document is needed, and has pictures that cannot be read.
        AssetgenError: The director cannot write.
    """
    folder, director = folder or Path(), director or Director()
    offered = _source_hash(document, story)
    if existing is None:
        if offered is None:
            raise _no_story(folder)
        return _make(document, story, director, "there was no manifest")
    if existing.source is None:
        return Resolution(existing.manifest, None, Action.KEPT_EDITED, "written by hand")
    changed = offered is not None and offered != existing.source.source_sha256
    if existing.edited and changed:
        now = str(named or folder / DOCUMENT_FILE) if document is not None else "topic and story direction"
        raise _conflict(folder / MANIFEST_FILE, existing.source, now)
    if existing.edited:
        return Resolution(existing.manifest, existing.source, Action.KEPT_EDITED, "edited by hand")
    if changed:
        reason = f"the source changed; before, it was {existing.source.description}"
        return _make(document, story, director, reason, before=existing.manifest)
    if document is None and story is not None and director.model not in (None, existing.source.story_model):
        return _make(document, story, director, f"{director.model} is to write it now", before=existing.manifest)
    return Resolution(existing.manifest, existing.source, Action.KEPT, "its source has not changed")


def resolve_in_folder(
    folder: Path, story: Story | None, *, document: Path | None = None, director: Director | None = None
) -> Resolution:
    """Decides where the manifest of a project folder comes from; writes nothing.

    Args:
        folder: The project's.
        story: Topic and story direction, if they were given.
        document: Read as if it were the folder's own.
        director: See ``resolve_manifest``.

    Raises:
        AssetgenError: See ``resolve_manifest``, ``load_manifest`` and ``load_document``.
    """
    existing = load_manifest(folder / MANIFEST_FILE)
    text = load_document(document or folder / DOCUMENT_FILE)
    if document is not None and text is None:
        raise AssetgenError(f"There is no file {document}.", code=Code.DOCUMENT)
    return resolve_manifest(existing, text, story, folder=folder, named=document, director=director)


def load_document(path: Path) -> str | None:
    """Reads a producer's document; None if there is none.

    Raises:
        DocumentError: It cannot be read or is no text.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DocumentError(
            f"{path} cannot be read: {error.strerror}. Make it a file that this user may read", line=1
        ) from None
    # Windows editors save "Unicode" as UTF-16, with a byte order mark.
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise DocumentError(f"{path}, line {line}: not UTF-8 text; save it as UTF-8", line=line) from None


def read_manifest(path: Path) -> AssetManifest | None:
    """Reads the manifest in a file, be it a manifest's JSON or a producer's document; None if there is none.

    Raises:
        AssetgenError: See ``load_manifest``, ``load_document`` and ``read_document``.
    """
    if path.suffix.lower() == ".json":
        stored = load_manifest(path)
        return stored.manifest if stored else None
    document = load_document(path)
    return None if document is None else read_document(document, name=path.name)


def _make(
    document: str | None, story: Story | None, director: Director, reason: str, *, before: AssetManifest | None = None
) -> Resolution:
    """Makes a manifest from the source in force: the document, else the story; remarks of the one before stay."""
    source_sha256 = _source_hash(document, story) or ""
    if document is not None:
        made = read_document(document, name=DOCUMENT_FILE)
        check_all_read(made, name=DOCUMENT_FILE)
        origin: dict[str, str | None] = {"kind": "document", "description": f"{DOCUMENT_FILE} in the project folder"}
    elif story is not None:
        made = director.write(story.topic, story.story_direction)
        topic, direction = clean_text(story.topic), clean_text(story.story_direction)
        description = f"topic '{shortened(topic)}', story direction '{shortened(direction)}'"
        origin = {"kind": "story", "description": description, "topic": topic, "story_direction": direction}
        origin["story_model"] = director.model
    else:
        raise ValueError("neither a document nor a story")
    manifest = made.model_copy(update={"warnings": all_warnings(made)}).with_references().with_remarks_of(before)
    source = Source.model_validate(
        {**origin, "source_sha256": source_sha256, "content_sha256": manifest.content_sha256()}
    )
    return Resolution(manifest, source, Action.WRITTEN, f"{reason}; made from {source.description}")


def _source_hash(document: str | None, story: Story | None) -> str | None:
    """Hashes the source in force; line ends and invisible characters of a document do not count as a change."""
    if document is not None:
        text = f"document\0{clean_text(document)}"
    elif story is not None:
        text = f"story\0{clean_text(story.topic)}\0{clean_text(story.story_direction)}"
    else:
        return None
    return hashlib.sha256(text.encode()).hexdigest()


def check_has_story(folder: Path) -> None:
    """Does nothing if a project's folder has a story, readable or not.

    Raises:
        NoStoryError: It has none, or there is no such folder; names the project beside it that may be meant.
    """
    if not any((folder / name).exists() for name in (MANIFEST_FILE, DOCUMENT_FILE)):
        raise _no_story(folder)


def _no_story(folder: Path) -> NoStoryError:
    others = [path.parent.name for path in folder.parent.glob(f"*/{MANIFEST_FILE}")]
    near = difflib.get_close_matches(folder.name, others, n=1)
    meant = f" (did you mean {near[0]}?)" if near else ""
    return NoStoryError(
        f"There is no story for the project {folder.name}{meant}. It can come from: "
        f"a document {DOCUMENT_FILE} ({folder / DOCUMENT_FILE}); "
        f"a manifest {MANIFEST_FILE} ({folder / MANIFEST_FILE}); "
        "'topic' and 'story_direction' in the run config of asset_manifest; "
        "Topic and Story Direction of the Notion row; "
        "or, on the command line, assetgen generate --topic … --story …, or --document FILE"
    )


def _conflict(path: Path, source: Source, now: str) -> ManifestConflictError:
    return ManifestConflictError(
        f"{path} was edited by hand, and its source has changed since it was written: it was made from "
        f"{source.description}; now {now} would give another. Nothing was drawn or replaced. To keep the edits, "
        f'remove the "source" block from {path.name}. To take what {now} says now, set "content_sha256" in that block '
        'to "": the edits go, the remarks of redrawn pictures stay. If these are to go, too, delete '
        f"{path.name}: pictures drawn with a remark are then drawn and paid again without it"
    )

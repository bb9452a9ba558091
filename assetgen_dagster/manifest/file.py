"""The manifest's file: read, written, and what it was made from.

An edited manifest is recognized by the hash of what was written. Which source counts is decided in ``director.source``.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from assetgen_dagster.errors import Code, OneCodeError
from assetgen_dagster.manifest.errors import explain
from assetgen_dagster.manifest.model import AssetManifest, count_warnings
from assetgen_dagster.support.files import write_atomically

MANIFEST_FILE = "asset_manifest.json"


class ManifestFileError(OneCodeError):
    """The manifest file cannot be used as it is."""

    code = Code.MANIFEST


class TooManyPicturesError(OneCodeError):
    """The manifest has more pictures than there are image assets."""

    code = Code.TOO_MANY_PICTURES


class Source(BaseModel):
    """What a manifest was made from, as its file remembers it.

    Attributes:
        kind: A producer's document, or a topic and a story direction.
        description: For people.
        source_sha256: Hash of the source at the time of writing.
        content_sha256: Hash of what was written; another in the file means that a person edited it; "" gives that up.
        topic: For stories.
        story_direction: For stories.
        story_model: For stories, the language model that was to write it.
    """

    model_config = ConfigDict(frozen=True)

    kind: Literal["document", "story"]
    description: str = ""
    source_sha256: str
    content_sha256: str
    topic: str | None = None
    story_direction: str | None = None
    story_model: str | None = None


@dataclass(frozen=True)
class ManifestFile:
    """A manifest as it lies in a project folder; without a source, a person wrote it from scratch."""

    manifest: AssetManifest
    source: Source | None

    @property
    def edited(self) -> bool:
        """Whether a person wrote it, or changed atmosphere or pictures since it was written."""
        return self.source is None or self.source.content_sha256 not in ("", self.manifest.content_sha256())


def check_slots(manifest: AssetManifest, slots: int) -> None:
    """Raises TooManyPicturesError when a manifest has more pictures than there are image assets."""
    count = len(manifest.assets)
    if count > slots:
        raise TooManyPicturesError(
            f"The manifest has {count} pictures, but there are only {slots} image assets: "
            f"set ASSETGEN_IMAGE_SLOTS={count} and reload the code location, or take pictures out of the manifest"
        )


def load_manifest(path: Path) -> ManifestFile | None:
    """Reads a manifest file; None if there is none.

    Raises:
        ManifestFileError: It cannot be read, or does not hold a manifest; says where and what.
    """
    try:
        data = json.loads(path.read_bytes().decode("utf-8-sig"))
        json.dumps(data, ensure_ascii=False).encode()  # a lone "\ud800" is JSON, but no text
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ManifestFileError(
            f"{path} cannot be read: {error.strerror}. Make it a file that this user may read, or move it away"
        ) from None
    except UnicodeDecodeError as error:
        raise ManifestFileError(f"{path} is not UTF-8 text (byte {error.start}): save it as UTF-8") from None
    except UnicodeEncodeError as error:
        half = error.object[error.start]
        raise ManifestFileError(f"{path} holds half a character: {half!a}. Take it out") from None
    except json.JSONDecodeError as error:
        raise ManifestFileError(
            f"{path}, line {error.lineno}, column {error.colno}: {error.msg}. Mend that, or move the file away to have "
            "it written anew"
        ) from None
    except (RecursionError, ValueError):
        raise ManifestFileError(f"{path} is no manifest: its JSON is nested too deeply or has absurd numbers") from None
    if not isinstance(data, dict):
        raise ManifestFileError(f"{path} must hold a JSON object with 'global_atmosphere' and 'assets'")
    try:
        source = data.pop("source", None)
        return ManifestFile(
            manifest=AssetManifest.model_validate(data),
            source=None if source is None else _read_source(source),
        )
    except ValidationError as error:
        raise ManifestFileError(f"{path}: {explain(error, data)}") from None


def write_manifest(path: Path, manifest: AssetManifest, source: Source | None) -> None:
    """Writes a manifest file for people to read and edit; either the whole file is there or the one before.

    Args:
        path: Where to; the folder exists.
        manifest: What to write; warnings about unusual counts are added.
        source: What it was made from; its ``content_sha256`` is set to that of the manifest.

    Raises:
        ManifestFileError: It cannot be written.
    """
    data = manifest.model_dump(mode="json", exclude_none=True)
    data["warnings"] = list(all_warnings(manifest))
    if source is not None:
        current = source.model_copy(update={"content_sha256": manifest.content_sha256()})
        data["source"] = current.model_dump(mode="json", exclude_none=True)
    text = json.dumps(data, indent=2, ensure_ascii=False) + "\n"
    try:
        write_atomically(path, text.encode())
    except OSError as error:
        raise ManifestFileError(f"{path} cannot be written: {error.strerror}. Let this user write there") from None


def all_warnings(manifest: AssetManifest) -> tuple[str, ...]:
    """Returns a manifest's warnings, those about unusual counts included."""
    return tuple(dict.fromkeys((*manifest.warnings, *count_warnings(manifest))))


def _read_source(data: object) -> Source:
    try:
        return Source.model_validate(data)
    except ValidationError as error:
        # Raised anew with the block's name in front, so that the message says which "kind" is meant.
        errors = [{**item, "loc": ("source", *item["loc"])} for item in error.errors(include_url=False)]
        raise ValidationError.from_exception_data("source", errors) from None  # type: ignore[arg-type]

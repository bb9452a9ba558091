"""Orders to draw single pictures again and keep all others: names, remark, accepted exactly once per request.

The remark goes into the manifest, where ``combined_prompt`` adds it to the prompt in every later run. The pictures to
draw go into the records, so that they survive a dead run or a failed picture. ``manifest.selection`` parses the words
of a person.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from assetgen_dagster.drawing.plan import NO_REMARK, Redraw, Request, assign_numbers
from assetgen_dagster.errors import Code, OneCodeError
from assetgen_dagster.manifest.file import MANIFEST_FILE, check_slots, load_manifest
from assetgen_dagster.manifest.model import AssetManifest, AssetType
from assetgen_dagster.manifest.selection import SelectionError, select_pictures
from assetgen_dagster.project.key import ProjectKey
from assetgen_dagster.project.records import ProjectRecords, RecordStore
from assetgen_dagster.project.workspace import locate_project
from assetgen_dagster.settings import Settings
from assetgen_dagster.support.files import write_atomically
from assetgen_dagster.support.text import clean_text

#: Longer than any remark, and well below what a command line takes.
REMARK_CHARACTERS = 2000


class RedrawError(OneCodeError):
    """The order cannot be carried out; nothing was drawn."""

    code = Code.REDRAW


@dataclass(frozen=True)
class KnownPictures:
    """The pictures of a project that an order can name.

    Attributes:
        numbers: Picture numbers by name.
        kinds: Asset types by name.
    """

    numbers: Mapping[str, int]
    kinds: Mapping[str, AssetType]


def known_pictures(key: ProjectKey, settings: Settings) -> KnownPictures:
    """Returns the pictures of a project that has been drawn before.

    Raises:
        RedrawError: The project has not been drawn yet.
        AssetgenError: Its manifest or its records cannot be used.
    """
    paths = locate_project(key, workspace=settings.workspace)
    found, records = load_manifest(paths.project / MANIFEST_FILE), RecordStore(paths.records).records
    if found is None or records.round is None:
        raise RedrawError(f"{key} has no pictures yet that could be drawn again.")
    check_slots(found.manifest, settings.image_slots)
    numbers = assign_numbers(found.manifest, records.numbers, slots=settings.image_slots)
    return KnownPictures(numbers, {asset.name: asset.asset_type for asset in found.manifest.assets})


def read_redraw(pictures: str, remark: str, known: KnownPictures) -> Redraw:
    """Returns the order that a person's words are.

    Raises:
        AssetgenError: Unknown or ambiguous picture, or the remark is too long.
    """
    remark = clean_text(remark).strip()
    if len(remark) > REMARK_CHARACTERS:
        raise RedrawError(f"the remark has {len(remark)} characters; at most {REMARK_CHARACTERS} can be used.")
    return Redraw(select_pictures(pictures, known.numbers, known.kinds), remark)


def with_names(request: Request, manifest: AssetManifest, records: ProjectRecords, *, slots: int) -> Request:
    """Returns a request whose order names pictures only; other words are parsed as on the command line.

    A request that was accepted before keeps its words: they are not used again, and the pictures may have changed.

    Raises:
        RedrawError: Unknown or ambiguous picture.
    """
    redraw = request.redraw
    if redraw is None or records.round is None or is_accepted(records, request.id):
        return request
    kinds = {asset.name: asset.asset_type for asset in manifest.assets}
    words = [word for word in redraw.names if word not in kinds]
    if not words:
        return request
    try:
        read = select_pictures("\n".join(words), assign_numbers(manifest, records.numbers, slots=slots), kinds)
    except SelectionError as error:
        raise RedrawError(f"Nothing was drawn: {error.message}") from None
    names = dict.fromkeys([*(name for name in redraw.names if name in kinds), *read])
    return replace(request, redraw=replace(redraw, names=tuple(names)))


def write_remark(manifest: AssetManifest, path: Path, records: ProjectRecords, request: Request) -> AssetManifest:
    """Writes the remark of a request to the manifest's file and returns the manifest; see ``with_remark``.

    Raises:
        RedrawError: See ``with_remark``; the file is unchanged.
        OSError: The file cannot be written.
    """
    found = with_remark(manifest, records, request)
    if remarks := {asset.name: asset.remark for asset in found.assets if asset not in manifest.assets}:
        _write_remarks(path, remarks)
    return found


def with_remark(manifest: AssetManifest, records: ProjectRecords, request: Request) -> AssetManifest:
    """Returns a manifest with the remark of a request, unless the request was accepted before.

    Raises:
        RedrawError: Nothing was drawn yet, or the manifest has no such picture.
    """
    redraw = request.redraw
    if redraw is None or is_accepted(records, request.id):
        return manifest
    gone = sorted(set(redraw.names) - {asset.name for asset in manifest.assets})
    if records.round is None or gone:
        why = f"the manifest has no picture {', '.join(gone)}" if gone else "the project has no pictures yet"
        raise RedrawError(f"Nothing was drawn: {why}. Name other pictures to be drawn again, or none.")
    if not redraw.remark:
        return manifest
    remark = "" if redraw.remark.casefold() == NO_REMARK else redraw.remark
    assets = (a.model_copy(update={"remark": remark}) if a.name in redraw.names else a for a in manifest.assets)
    return manifest.model_copy(update={"assets": tuple(assets)})


def is_accepted(records: ProjectRecords, request_id: str) -> bool:
    """Returns whether a request for single pictures was accepted before."""
    return any(request_id in one.taken for one in records.rounds)


def accept_redraw(records: ProjectRecords, request: Request, *, served: Collection[str] = ()) -> None:
    """Records the pictures to draw again, once per request, and reopens a completed round for them.

    Recover interrupted calls first: they drew without the remark.

    Args:
        records: Changed in place.
        request: The order.
        served: Names of pictures that were drawn as ordered since the order was given.
    """
    redraw, last = request.redraw, records.round
    if redraw is None or request.requested_at is None or last is None or is_accepted(records, request.id):
        return
    last.taken.append(request.id)
    if names := [name for name in redraw.names if name not in served]:
        records.redraws.update(dict.fromkeys(names, request.id))
        records.reopen_round()


def _write_remarks(path: Path, remarks: Mapping[str, str]) -> None:
    """Changes these remarks in a manifest's file and leaves everything else in it as a person wrote it."""
    data = json.loads(path.read_bytes().decode("utf-8-sig"))
    for asset in data["assets"]:
        if asset["name"] in remarks:
            asset["remark"] = remarks[asset["name"]]
    write_atomically(path, (json.dumps(data, indent=2, ensure_ascii=False) + "\n").encode())

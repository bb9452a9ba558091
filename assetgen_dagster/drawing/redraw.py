"""Single pictures that somebody wants drawn again, all others kept: named, remarked upon, taken up exactly once.

The remark goes into the manifest, where ``combined_prompt`` finds it whoever draws next. What is to be drawn goes into
the records, so that it is not forgotten when the run dies or a picture fails. Reading a person's words is the subject
of ``manifest.selection``.
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
    """What is to be drawn again cannot be; nothing was drawn."""

    code = Code.REDRAW


@dataclass(frozen=True)
class Known:
    """The pictures of a project, to be named.

    Attributes:
        numbers: Number of each, by name.
        kinds: Kind of each, by name.
    """

    numbers: Mapping[str, int]
    kinds: Mapping[str, AssetType]


def known_pictures(key: ProjectKey, settings: Settings) -> Known:
    """Returns the pictures of a project that has been drawn before.

    Raises:
        RedrawError: It has not.
        AssetgenError: Its manifest or its records cannot be used.
    """
    paths = locate_project(key, workspace=settings.workspace)
    found, records = load_manifest(paths.project / MANIFEST_FILE), RecordStore(paths.records).records
    if found is None or records.round is None:
        raise RedrawError(f"{key} has no pictures yet that could be drawn again.")
    check_slots(found.manifest, settings.image_slots)
    numbers = assign_numbers(found.manifest, records.numbers, slots=settings.image_slots)
    return Known(numbers, {asset.name: asset.asset_type for asset in found.manifest.assets})


def read_redraw(pictures: str, remark: str, known: Known) -> Redraw:
    """Returns the order that a person's words are.

    Raises:
        AssetgenError: They name pictures that there are not, or the remark is too long.
    """
    remark = clean_text(remark).strip()
    if len(remark) > REMARK_CHARACTERS:
        raise RedrawError(f"the remark has {len(remark)} characters; at most {REMARK_CHARACTERS} can be used.")
    return Redraw(select_pictures(pictures, known.numbers, known.kinds), remark)


def with_names(request: Request, manifest: AssetManifest, records: ProjectRecords, *, slots: int) -> Request:
    """Returns a request whose order has names only: what else a person writes is read as on the command line.

    A retry of what was taken up keeps its words: nobody asks for them any more, and the pictures may have changed.

    Raises:
        RedrawError: It names pictures that there are not.
    """
    redraw = request.redraw
    if redraw is None or records.round is None or is_taken(records, request.id):
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


def remark_upon(manifest: AssetManifest, path: Path, records: ProjectRecords, request: Request) -> AssetManifest:
    """Returns the manifest with the remark of a request, written to its file; see ``remarked``.

    Raises:
        RedrawError: See ``remarked``; the file is as it was.
        OSError: The file cannot be written.
    """
    found = remarked(manifest, records, request)
    if remarks := {asset.name: asset.remark for asset in found.assets if asset not in manifest.assets}:
        _write_remarks(path, remarks)
    return found


def remarked(manifest: AssetManifest, records: ProjectRecords, request: Request) -> AssetManifest:
    """Returns a manifest with the remark of a request, unless the request was taken up already.

    Raises:
        RedrawError: Nothing was drawn yet, or the manifest has no such picture.
    """
    redraw = request.redraw
    if redraw is None or is_taken(records, request.id):
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


def is_taken(records: ProjectRecords, request_id: str) -> bool:
    """Returns whether a request for single pictures was taken up already."""
    return any(request_id in one.taken for one in records.rounds)


def take_up(records: ProjectRecords, request: Request, *, served: Collection[str] = ()) -> None:
    """Notes which pictures are to be drawn again, once for each request; a round that was complete is open for them.

    Calls that were under way when the request was made have to be settled before: they drew without the remark.

    Args:
        records: Changed.
        request: The order.
        served: Names of pictures that were drawn as ordered since the order was given.
    """
    redraw, last = request.redraw, records.round
    if redraw is None or request.requested_at is None or last is None or is_taken(records, request.id):
        return
    last.taken.append(request.id)
    if names := [name for name in redraw.names if name not in served]:
        records.redraws.update(dict.fromkeys(names, request.id))
        records.reopen_round()


def _write_remarks(path: Path, remarks: Mapping[str, str]) -> None:
    """Changes these remarks in a manifest's file, and nothing else that a person may have put there."""
    data = json.loads(path.read_bytes().decode("utf-8-sig"))
    for asset in data["assets"]:
        if asset["name"] in remarks:
            asset["remark"] = remarks[asset["name"]]
    write_atomically(path, (json.dumps(data, indent=2, ensure_ascii=False) + "\n").encode())

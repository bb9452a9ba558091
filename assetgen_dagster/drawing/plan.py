"""Decides what a run draws and what it keeps: "rounds" in docs/decisions.md, as pure functions.

The inputs are the manifest, the records, the files' hashes and the request; nothing is read or written here.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from assetgen_dagster.manifest.model import AssetManifest, AssetType
from assetgen_dagster.project.records import Inputs, PictureRecord, ProjectRecords, Reference, Round

#: The reason for drawing an existing picture in a new round.
AGAIN = "everything is drawn again"


class Mode(StrEnum):
    """The mode that an operator chooses."""

    AUTO = "auto"
    RESUME = "resume"
    REGENERATE = "regenerate"


#: A remark that removes the previous one.
NO_REMARK = "none"


@dataclass(frozen=True)
class Redraw:
    """An order to draw single pictures again and to keep all others.

    Attributes:
        names: The pictures, by number.
        remark: Added to their prompts, replacing the previous one; empty keeps that one, ``NO_REMARK`` removes it.
    """

    names: tuple[str, ...]
    remark: str = ""

    def config(self) -> dict[str, Any]:
        """Returns the order as run config of the images."""
        return {"redraw": list(self.names), "remark": self.remark}


def no_positions(_run_id: str) -> int | None:
    """The default of ``Request.position_of``: every run is unknown."""
    return None


@dataclass(frozen=True)
class Request:
    """What was requested, and by which run first.

    A retry is not a request of its own: it carries out the request of the run it retries.

    Attributes:
        id: The first run of the request.
        requested_at: Unix time of that run's creation; None if unknown, and then finished pictures are kept.
        mode: The requested mode.
        numbers: The pictures that a person selected; None for all.
        redraw: The order to draw single pictures again, if there is one.
        anew: Whether ``auto`` may draw a complete project again.
        doubtful: Numbers whose selection may only mean that Dagster shows them as failed or missing; an existing
            picture is kept.
        position_of: Returns a run's position in the order of creation; None for an unknown run.
    """

    id: str
    requested_at: float | None
    mode: Mode = Mode.AUTO
    numbers: frozenset[int] | None = None
    redraw: Redraw | None = None
    anew: bool = True
    doubtful: frozenset[int] = frozenset()
    position_of: Callable[[str], int | None] = no_positions

    def is_after(self, at: float | None, newest_run: str | None) -> bool:
        """Returns whether the request was made after an event.

        Args:
            at: Unix time of the event. Used only if the order of runs is unknown: the clocks of two machines may
                differ, and a clock may be set.
            newest_run: The project's newest run at that time, if known.
        """
        if self.requested_at is None:
            return False
        known = self.is_after_run(newest_run)
        return (at or 0.0) < self.requested_at if known is None else known

    def is_after_run(self, run_id: str | None) -> bool | None:
        """Returns whether the request was made after a run was created; None if the order is unknown."""
        own, other = self.position_of(self.id), self.position_of(run_id) if run_id else None
        return None if own is None or other is None else own > other


class Action(StrEnum):
    """What happens to one picture."""

    KEEP = "keep"
    ADOPT = "adopt"
    RESTORE = "restore"
    DRAW = "draw"


@dataclass(frozen=True)
class FileState:
    """The file at a picture's final name.

    Attributes:
        sha256: The file's hash; None if there is no file.
        whole: Whether it decodes; used only if the hash is not the recorded one.
    """

    sha256: str | None
    whole: bool


@dataclass(frozen=True)
class ReferenceState:
    """A reference picture, as known before anything is drawn.

    Attributes:
        name: The picture.
        sha256: Hash of its file; None if there is no file.
        drawn_first: Whether this run draws it first.
        by_hand: Whether a person changed it: requested it alone, or retouched its file.
    """

    name: str
    sha256: str | None
    drawn_first: bool = False
    by_hand: bool = False


@dataclass(frozen=True)
class Step:
    """The decision on one picture.

    Attributes:
        action: What to do.
        reason: Why, for people.
        retouched: Whether the kept file was changed by hand since it was drawn.
        by_name: Whether it is drawn because a person requested it alone.
    """

    action: Action
    reason: str
    retouched: bool = False
    by_name: bool = False


_ORDER = list(AssetType)


def assign_numbers(manifest: AssetManifest, known: Mapping[str, int], *, slots: int) -> dict[str, int]:
    """Returns each picture's number, from 1; characters first, then environments, then props, in manifest order.

    A picture keeps the number it had; a new one takes the lowest number that no picture of the manifest has.

    Args:
        manifest: The pictures as they are now, at most ``slots``.
        known: Numbers of the pictures in the previous manifest.
        slots: The highest number.
    """
    ordered = sorted(manifest.assets, key=lambda asset: _ORDER.index(asset.asset_type))
    numbers = {asset.name: known[asset.name] for asset in ordered if known.get(asset.name, slots + 1) <= slots}
    free = iter(sorted(set(range(1, slots + 1)) - set(numbers.values())))
    for asset in ordered:
        if asset.name not in numbers:
            numbers[asset.name] = next(free)
    return dict(sorted(numbers.items(), key=lambda item: item[1]))


def starts_new_round(last: Round | None, request: Request) -> bool:
    """Returns whether a request begins a new round, in which everything is drawn again.

    The last round serves every request made before it: a double click pays once.
    """
    if last is None:
        return True
    if request.mode is Mode.RESUME or request.numbers is not None or request.redraw is not None:
        return False
    if last.request_id == request.id:
        return False
    if request.mode is Mode.REGENERATE:
        return request.is_after(last.opened_at, last.opened_newest_run)
    return request.anew and last.closed_at is not None and request.is_after(last.closed_at, last.closed_newest_run)


def how_to_draw_again(last: Round | None, request: Request, kept: Collection[str] = ()) -> str | None:
    """Returns how to ask for what a run of a complete project was not clearly asked for, and keeps; None if nothing.

    Args:
        last: The last round.
        request: The request.
        kept: The pictures that are kept because their selection is doubtful, for people.
    """
    if kept and request.numbers is not None:
        return (
            f"kept, because Dagster showed them as failed or missing: {', '.join(kept)}. To draw them again, "
            "materialize them once more, or name them in redraw of the run config of images"
        )
    if request.anew or not starts_new_round(last, replace(request, anew=True)):
        return None
    return (
        "the project is complete, and nobody clearly asked for it to be drawn again, so its pictures are kept. To draw "
        "all of them again, set mode: regenerate in the run config of images; to draw changed ones, mode: resume; to "
        "draw single ones, materialize them alone"
    )


def decide(
    *,
    record: PictureRecord | None,
    file: FileState,
    inputs: Inputs,
    round_number: int,
    request: Request,
    number: int,
    references: Sequence[ReferenceState] | None = None,
    retired: PictureRecord | None = None,
    redraw: bool = False,
    only_missing: bool = False,
) -> Step:
    """Returns what happens to one picture.

    Args:
        record: The record of the published picture, if there is one.
        file: The file at its final name.
        inputs: What it would be drawn from now; ``inputs.references`` is ignored.
        round_number: The current round.
        request: The request.
        number: The picture's number.
        references: Its reference pictures; None if the script takes none, and then they are ignored.
        retired: Its record from when it left the manifest, if the retired file is unchanged and may return.
        redraw: Whether a redraw order for it is pending.
        only_missing: Whether an existing picture is kept although it is out of date.
    """
    if redraw or _asked_by_name(record, request, number):
        return Step(Action.DRAW, "asked for by name", by_name=True)
    if record is None and retired is not None and file.sha256 in (None, retired.facts.sha256):
        changes = _changes(retired.inputs, inputs, references, request.mode)
        if not changes:
            return Step(Action.RESTORE, "back in the manifest; its picture was kept")
        return Step(Action.DRAW, f"back in the manifest; since then {changes}")
    if file.sha256 is None:
        return Step(Action.DRAW, "not there yet" if record is None else "its file is gone")
    if record is None:
        if request.mode is Mode.REGENERATE:
            return Step(Action.DRAW, AGAIN)
        if file.whole:
            return Step(Action.ADOPT, "was there before, at unknown cost")
        return Step(Action.DRAW, "the file at its place is not a whole picture")
    if file.sha256 != record.facts.sha256:
        if file.whole:
            return Step(Action.KEEP, "retouched by hand; name it to have it replaced", retouched=True)
        return Step(Action.DRAW, "its file was damaged")
    if record.round != round_number:
        return Step(Action.DRAW, AGAIN)
    changes = _changes(record.inputs, inputs, references, request.mode)
    if changes and not only_missing:
        return Step(Action.DRAW, changes)
    if kept_back := changes or _changes_by_hand(record.inputs, references):
        return Step(Action.KEEP, f"done; {kept_back}: mode resume draws it anew")
    return Step(Action.KEEP, "done")


def _changes(before: Inputs | None, now: Inputs, references: Sequence[ReferenceState] | None, mode: Mode) -> str:
    """Returns why a picture is out of date; empty if it is not."""
    names = changed_inputs(before, now)
    inputs = [f"{' and '.join(names)} changed"] if names else []
    return ", ".join(inputs + changed_references(before, references, mode))


def _changes_by_hand(before: Inputs | None, references: Sequence[ReferenceState] | None) -> str:
    """Returns which references a person changed by hand, if nothing else changed; empty for none."""
    found = changed_references(before, references, Mode.RESUME)
    return f"{', '.join(found)} by hand" if found else ""


def changed_inputs(before: Inputs | None, now: Inputs) -> list[str]:
    """Returns the names of the inputs that differ, references apart; unknown inputs never differ."""
    if before is None:
        return []
    names = {
        "prompt": before.prompt_sha256 != now.prompt_sha256,
        "model": before.model != now.model,
        "aspect ratio": before.aspect_ratio != now.aspect_ratio,
    }
    return [name for name, differs in names.items() if differs]


def changed_references(before: Inputs | None, now: Sequence[ReferenceState] | None, mode: Mode) -> list[str]:
    """Returns, for people, how a picture's references differ from those it was drawn with.

    Changes by hand count for ``resume`` only: drawing one picture again must not cost several.

    Args:
        before: What the picture was drawn from; unknown inputs never differ.
        now: The references as they are; None if the script takes none.
        mode: The requested mode.
    """
    if before is None or now is None:
        return []
    if [one.name for one in before.references] != [one.name for one in now]:
        return ["references changed"]
    return [
        f"reference {state.name} {'is drawn anew' if state.drawn_first else 'changed'}"
        for then, state in zip(before.references, now, strict=True)
        if _is_another(then, state) and (mode is Mode.RESUME or not state.by_hand)
    ]


def _is_another(then: Reference, now: ReferenceState) -> bool:
    """Returns whether a reference differs from the one that was used; a missing file does not count."""
    return now.drawn_first or (now.sha256 is not None and now.sha256 != then.sha256)


def missing_pictures(manifest: AssetManifest, records: ProjectRecords, present: Collection[str]) -> list[str]:
    """Returns the names of pictures that keep the project from being ready, in manifest order.

    Args:
        manifest: The current manifest.
        records: The project's records.
        present: Names of pictures whose file exists.
    """
    last = records.round
    return [
        asset.name
        for asset in manifest.assets
        if last is None
        or not asset.prompt.strip()
        or asset.name not in present
        or asset.name not in records.pictures
        or records.pictures[asset.name].round != last.number
        or asset.name in records.redraws
    ]


def _asked_by_name(record: PictureRecord | None, request: Request, number: int) -> bool:
    if request.numbers is None or number not in request.numbers or request.mode is Mode.RESUME:
        return False
    if record is None:
        return request.requested_at is not None
    return number not in request.doubtful and request.is_after(record.drawn_at, record.drawn_newest_run)

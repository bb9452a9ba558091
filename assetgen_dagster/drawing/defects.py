"""Which pictures a person should look at, decided by what was measured when they arrived; pure functions.

A defect only marks a picture: the project is ready, and a person decides whether to pay for another one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from assetgen_dagster.drawing.render_options import RenderOptions
from assetgen_dagster.manifest.model import AssetManifest
from assetgen_dagster.project.records import PictureFacts, ProjectRecords

#: Minimum for the next steps: composites crop, and smaller pictures look soft.
SHORT_SIDE_PIXELS = 512

#: Relative tolerance of the aspect ratio; models round to their own sizes.
_ASPECT_TOLERANCE = 0.03

#: More pictures with the same defects are named by number only.
_NAMED = 6


class Defect(StrEnum):
    """A defect of a picture; the value names the asset check that finds it."""

    BROKEN = "pictures_decode"
    SMALL = "pictures_large_enough"
    FLAT = "pictures_not_flat"
    SHAPE = "pictures_aspect_ratio"


@dataclass(frozen=True)
class DefectivePicture:
    """A picture with defects.

    Attributes:
        number: The picture's number.
        name: The picture's name.
        defects: What is wrong with it.
        text: The same in words.
    """

    number: int
    name: str
    defects: tuple[Defect, ...]
    text: str


def find_defects(facts: PictureFacts | None, aspect_ratio: str) -> tuple[Defect, ...]:
    """Returns the defects of a file; None stands for one that does not decode."""
    if facts is None:
        return (Defect.BROKEN,)
    found = {
        Defect.SMALL: min(facts.width, facts.height) < SHORT_SIDE_PIXELS,
        Defect.FLAT: facts.flat,
        Defect.SHAPE: not _has_ratio(facts, aspect_ratio),
    }
    return tuple(defect for defect, is_there in found.items() if is_there)


def defective_pictures(
    manifest: AssetManifest,
    records: ProjectRecords,
    pictures: Mapping[str, PictureFacts | None],
    options: RenderOptions,
) -> list[DefectivePicture]:
    """Returns a project's pictures with defects, by number.

    Args:
        manifest: The current manifest.
        records: The project's records; every picture has a number.
        pictures: Facts of the files, from ``measured_pictures``.
        options: The project's options, for the requested aspect ratio.
    """
    found = []
    for asset in manifest.assets:
        facts, ratio = pictures[asset.name], options.aspect_ratio_of(asset)
        if defects := find_defects(facts, ratio):
            found.append(
                DefectivePicture(records.numbers[asset.name], asset.name, defects, _text(defects, facts, ratio))
            )
    return sorted(found, key=lambda picture: picture.number)


def describe_defects(pictures: Sequence[DefectivePicture]) -> str:
    """Returns one sentence that names the pictures and their defects; empty if there are none."""
    if not pictures:
        return ""
    by_text: dict[str, list[DefectivePicture]] = {}
    for picture in pictures:
        by_text.setdefault(picture.text, []).append(picture)
    return f"Look at {'; '.join(f'{_names(same)}: {text}' for text, same in by_text.items())}."


def numbers_of(pictures: Iterable[DefectivePicture]) -> str:
    """Returns the numbers as ``redraw --pictures`` and the property ``Redraw`` take them, such as ``1, 5-8``."""
    ranges: list[list[int]] = []
    for number in sorted(picture.number for picture in pictures):
        if ranges and ranges[-1][-1] == number - 1:
            ranges[-1].append(number)
        else:
            ranges.append([number])
    return ", ".join(", ".join(map(str, run)) if len(run) < 3 else f"{run[0]}-{run[-1]}" for run in ranges)


def _names(pictures: Sequence[DefectivePicture]) -> str:
    if len(pictures) > _NAMED:
        return f"{len(pictures)} pictures ({numbers_of(pictures)})"
    return ", ".join(f"#{picture.number:02d} {picture.name}" for picture in pictures)


def _text(defects: Iterable[Defect], facts: PictureFacts | None, aspect_ratio: str) -> str:
    if facts is None:
        return "not a whole picture"
    size = f"{facts.width} x {facts.height} pixels"
    texts = {
        Defect.SMALL: f"only {size}",
        Defect.FLAT: "a single colour",
        Defect.SHAPE: f"not {aspect_ratio}" if Defect.SMALL in defects else f"{size}, not {aspect_ratio}",
    }
    return ", ".join(texts[defect] for defect in defects)


def _has_ratio(facts: PictureFacts, ratio: str) -> bool:
    width, height = (int(part) for part in ratio.split(":"))
    return abs(facts.width * height / (facts.height * width) - 1) <= _ASPECT_TOLERANCE

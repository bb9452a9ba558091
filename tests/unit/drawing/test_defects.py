"""Which pictures a person should look at, and how they are named."""

import pytest

from assetgen_dagster.drawing.defects import (
    SHORT_SIDE_PIXELS,
    Defect,
    DefectivePicture,
    defective_pictures,
    describe_defects,
    find_defects,
    numbers_of,
)
from assetgen_dagster.drawing.render_options import RenderOptions
from assetgen_dagster.project.records import PictureFacts, ProjectRecords
from tests.helpers.harness import manifest_of

pytestmark = pytest.mark.full_size

OPTIONS = RenderOptions("16:9", ratios=("16:9", "1:1"))


def facts(width: int, height: int, *, flat: bool = False) -> PictureFacts:
    return PictureFacts(sha256="0" * 64, width=width, height=height, size_bytes=1, flat=flat)


GOOD = facts(1376, 768)


@pytest.mark.parametrize(
    ("measured", "ratio", "defects"),
    [
        (GOOD, "16:9", ()),
        (facts(1344, 768), "16:9", ()),
        (facts(768, 1376), "9:16", ()),
        (facts(SHORT_SIDE_PIXELS, SHORT_SIDE_PIXELS), "1:1", ()),
        (None, "16:9", (Defect.BROKEN,)),
        (facts(910, SHORT_SIDE_PIXELS - 1), "16:9", (Defect.SMALL,)),
        (facts(1376, 768, flat=True), "16:9", (Defect.FLAT,)),
        (facts(1024, 1024), "16:9", (Defect.SHAPE,)),
        (facts(768, 1376), "16:9", (Defect.SHAPE,)),
        (facts(1, 1, flat=True), "16:9", (Defect.SMALL, Defect.FLAT, Defect.SHAPE)),
    ],
)
def test_defects_are_found_in_what_was_measured(
    measured: PictureFacts | None, ratio: str, defects: tuple[Defect, ...]
) -> None:
    assert find_defects(measured, ratio) == defects


def described(count: int, **measured: PictureFacts) -> tuple[str, str]:
    """Returns the sentence and the numbers for pictures of which all others are good."""
    manifest = manifest_of(count)
    names = [asset.name for asset in manifest.assets]
    records = ProjectRecords(numbers={name: number for number, name in enumerate(names, 1)})
    found = defective_pictures(manifest, records, dict.fromkeys(names, GOOD) | measured, OPTIONS)
    return describe_defects(found), numbers_of(found)


def test_pictures_are_named_with_what_is_wrong_and_the_numbers_to_draw_again() -> None:
    assert described(3) == ("", "")
    text, numbers = described(3, picture_01=facts(1376, 768, flat=True), picture_03=facts(1, 1))
    assert numbers == "1, 3"
    assert text.index("#01 picture_01: a single colour") < text.index("#03 picture_03: only 1 x 1 pixels, not 16:9")


def test_very_many_pictures_with_the_same_defect_are_named_by_their_numbers() -> None:
    square = {f"picture_{number:02d}": facts(1024, 1024) for number in range(1, 21)}
    text, numbers = described(22, **square)
    assert numbers == "1-20"
    assert text.count("1024 x 1024 pixels, not 16:9") == 1
    assert "(1-20)" in text


@pytest.mark.parametrize(
    ("numbers", "selection"),
    [([], ""), ([5], "5"), ([5, 6], "5, 6"), ([7, 5, 6], "5-7"), ([1, 3, 4, 5, 22], "1, 3-5, 22")],
)
def test_numbers_are_written_as_redraw_takes_them(numbers: list[int], selection: str) -> None:
    assert numbers_of(DefectivePicture(number, "", (), "") for number in numbers) == selection

"""What a row's order to draw single pictures again means, and which orders are none."""

from typing import Any

import pytest

from assetgen_dagster.drawing.plan import Redraw
from assetgen_dagster.drawing.redraw import KnownPictures
from assetgen_dagster.manifest.model import AssetType
from assetgen_dagster.notion.redraw import UnknownPictures, redraw_digest, redraw_of
from assetgen_dagster.project.key import ProjectKey
from tests.unit.notion.test_decide import decide, row

KEY = ProjectKey("poke1", "vid_1")
KNOWN = KnownPictures({"fox": 1, "env_cave": 2}, {"fox": AssetType.CHARACTER, "env_cave": AssetType.ENVIRONMENT})


def test_a_row_without_an_order_asks_for_what_it_always_did() -> None:
    [start] = decide([row()], {}, {}, pictures={}).starts
    assert start.redraw is None


def test_an_order_goes_into_the_run_with_the_names_that_it_means() -> None:
    given = row(redraw="2; fox.png", redraw_remark=" less golden\r\nlight ")
    [start] = decide([given], {}, {}, pictures={KEY: KNOWN}).starts
    assert start.redraw == Redraw(("fox", "env_cave"), "less golden\nlight")


@pytest.mark.parametrize(
    ("given", "known", "says"),
    [
        ({"redraw": "3"}, KNOWN, "there is no picture 3. There are: #01 fox, #02 env_cave. Correct it, then set the"),
        ({"redraw": "cav"}, KNOWN, "did you mean env_cave"),
        ({"redraw": ", ;"}, KNOWN, "no picture is named"),
        ({"redraw_remark": "fog"}, KNOWN, "how, but not which pictures"),
        ({"redraw": "1", "regenerate": "All "}, KNOWN, "clear one of the two"),
        ({"redraw": "1", "redraw_remark": "x" * 2001}, KNOWN, "the remark has 2001 characters; at most 2000"),
        (
            {"redraw": "1"},
            UnknownPictures("poke1:vid_1 has no pictures yet."),
            "has no pictures yet. Clear Redraw to have",
        ),
        ({"redraw": "1"}, None, "its pictures are not known"),
    ],
)
def test_an_order_that_is_none_is_answered_and_starts_nothing(
    given: dict[str, Any], known: KnownPictures | UnknownPictures | None, says: str
) -> None:
    found = decide([row(**given)], {}, {}, pictures={KEY: known} if known else None)
    assert found.starts == ()
    [reject] = found.rejects
    assert says in reject.reason
    assert "then set the status again. Nothing was drawn. [" in reject.reason


def test_missing_or_changed_goes_together_with_an_order() -> None:
    assert redraw_of(row(redraw="1", regenerate="Missing or changed"), KNOWN) == Redraw(("fox",), "")


def test_an_order_is_told_from_every_other_by_its_words() -> None:
    digests = [redraw_digest(row(redraw=a, redraw_remark=b)) for a, b in (("1", "2"), ("12", ""), ("1", ""), ("", "1"))]
    assert len(set(digests)) == 4

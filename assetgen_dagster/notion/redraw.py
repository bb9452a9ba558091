"""What a row's ``Redraw`` and ``Redraw Remark`` ask for, and whether they ask for it still: pure functions."""

import hashlib
from dataclasses import dataclass

from assetgen_dagster.drawing.plan import Redraw
from assetgen_dagster.drawing.redraw import KnownPictures, read_redraw
from assetgen_dagster.errors import AssetgenError, Code, coded
from assetgen_dagster.notion.row import Row

_AGAIN = "then set the status again. Nothing was drawn."


@dataclass(frozen=True)
class UnknownPictures:
    """A project whose pictures cannot be named, and why."""

    reason: str


def asks_for_redraw(row: Row) -> bool:
    """Returns whether a row names pictures to be drawn again, or says something about such."""
    return bool(row.redraw or row.redraw_remark)


def redraw_of(row: Row, known: KnownPictures | UnknownPictures | None) -> Redraw | str | None:
    """Returns which pictures a row wants drawn again, or why that cannot be told; None where it does not name any.

    Args:
        row: The row.
        known: The pictures of its project; None where nobody has looked.
    """
    if not asks_for_redraw(row):
        return None
    if not row.redraw:
        return _refused(
            f"Redraw Remark says how, but not which pictures: fill in Redraw (5, 13; or all), or clear it, {_AGAIN}"
        )
    if row.mode == "regenerate":
        return _refused(f"Redraw names pictures, and Regenerate says All: clear one of the two, {_AGAIN}")
    if not isinstance(known, KnownPictures):
        why = known.reason if known else "its pictures are not known."
        return _refused(
            f"Redraw names pictures to be drawn again: {why} Clear Redraw to have all of them drawn, {_AGAIN}"
        )
    try:
        return read_redraw(row.redraw, row.redraw_remark, known)
    except AssetgenError as error:
        return coded(f"Redraw cannot be carried out: {error.message} Correct it, {_AGAIN}", error.code)


def _refused(why: str) -> str:
    return coded(why, Code.REDRAW)


def redraw_digest(row: Row) -> str:
    """Returns what tells an order from any other: a run keeps it, so that only what it carries out is cleared."""
    return hashlib.sha256(f"{row.redraw}\0{row.redraw_remark}".encode()).hexdigest()[:16]

"""Reads a row's ``Redraw`` and ``Redraw Remark``: pure functions."""

import hashlib
from dataclasses import dataclass

from assetgen_dagster.drawing.plan import Redraw
from assetgen_dagster.drawing.redraw import KnownPictures, read_redraw
from assetgen_dagster.errors import AssetgenError, Code, coded
from assetgen_dagster.notion.row import Row

_AGAIN = "then set the status again. Nothing was drawn."


@dataclass(frozen=True)
class UnknownPictures:
    """Why a project's pictures are unknown."""

    reason: str


def asks_for_redraw(row: Row) -> bool:
    """Returns whether a row has a redraw or a redraw remark."""
    return bool(row.redraw or row.redraw_remark)


def redraw_of(row: Row, known: KnownPictures | UnknownPictures | None) -> Redraw | str | None:
    """Returns the redraw that a row asks for, or why it is invalid; None if it asks for none.

    Args:
        row: The row.
        known: The pictures of its project; None if they were not read.
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
    """Returns the digest of a row's redraw; a run keeps it, to clear only the redraw that it has carried out."""
    return hashlib.sha256(f"{row.redraw}\0{row.redraw_remark}".encode()).hexdigest()[:16]

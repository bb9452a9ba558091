"""The shapes in the foreground of a picture: outlines from ``motifs.txt``, scaled, tinted and filled."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from PIL.ImageDraw import ImageDraw

Colour = tuple[int, int, int]
Point = tuple[float, float]


class Motif(NamedTuple):
    """Something that a prompt can ask for.

    Attributes:
        words: A regular expression for what in a prompt asks for it.
        tint: Its colour, unless the prompt names one.
        outline: As ``motifs.txt`` describes it.
    """

    words: str
    tint: Colour
    outline: str


def colours(text: str) -> list[Colour]:
    """Reads colours such as ``ff8000 102030``."""
    return [(int(one[:2], 16), int(one[2:4], 16), int(one[4:], 16)) for one in text.split()]


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """Returns a colour between two."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _read_motifs() -> dict[str, dict[str, Motif]]:
    found: dict[str, dict[str, Motif]] = {"character": {}, "prop": {}}
    _, *blocks = Path(__file__).with_name("motifs.txt").read_text(encoding="utf-8").split("\n\n")
    for block in blocks:
        head, _, outline = block.partition("\n")
        subject, name, tint, words = head.split(" ", 3)
        found[subject][name] = Motif(words, colours(tint)[0], outline)
    return found


#: By subject and name.
MOTIFS = _read_motifs()


def draw_motif(
    draw: ImageDraw, motif: Motif, foot: Point, size: float, palette: tuple[Colour, Colour, Colour], *, flip: bool
) -> None:
    """Draws a motif with its feet at a point; ``palette`` is its dark, its tint and its light."""
    dark, tint, light = palette
    for part in filter(None, map(str.split, motif.outline.split("/"))):
        share, kind, numbers = int(part[0]) / 100, part[1], [int(number) * size / 100 for number in part[2:]]
        fill = mix(tint, light if share > 0 else dark, abs(share))
        thick = numbers.pop(0) if kind == "l" else 0.0
        points = list(zip(numbers[::2], numbers[1::2], strict=True))
        places = [(foot[0] + (-right if flip else right), foot[1] - up) for right, up in points]
        match kind:
            case "o":
                draw_ellipse(draw, places[0], points[1], fill)
            case "l":
                draw.line(places, fill=fill, width=max(1, round(thick)), joint="curve")
                for end in (places[0], places[-1]):
                    draw_ellipse(draw, end, (thick / 2, thick / 2), fill)
            case _:
                draw.polygon(list(_smooth(places)) if kind == "s" else places, fill=fill)


def draw_ellipse(draw: ImageDraw, centre: Point, radii: Point, fill: Colour) -> None:
    """Fills an ellipse around a point."""
    (x, y), (wide, high) = centre, radii
    draw.ellipse((x - wide, y - high, x + wide, y + high), fill=fill)


def _smooth(points: Sequence[Point], steps: int = 8) -> Iterator[Point]:
    """Yields a closed curve: a quadratic arc from edge to edge of the polygon, bent towards each of its corners."""
    for before, bend, after in zip([points[-1], *points[:-1]], points, [*points[1:], points[0]], strict=True):
        for t in (step / steps for step in range(steps)):
            a, c = (1 - t) ** 2 / 2, t * t / 2
            yield (
                a * before[0] + (1 - a - c) * bend[0] + c * after[0],
                a * before[1] + (1 - a - c) * bend[1] + c * after[1],
            )

"""Foreground shapes of the emulator's pictures: creatures, things, firs and grass.

Every shape stands with its feet at ``(x, ground)`` and is about ``size`` high. Nothing here knows of skies or prompts.
"""

import math
from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

from PIL.ImageDraw import ImageDraw

Colour = tuple[int, int, int]
Point = tuple[float, float]


class Pen:
    """Draws in units of a shape's size, counted from its feet, upwards; mirrored if asked."""

    def __init__(self, draw: ImageDraw, foot: Point, size: float, *, flip: bool = False) -> None:
        self._draw, self._foot, self._size, self._side = draw, foot, size, -1 if flip else 1

    def at(self, right: float, up: float) -> Point:
        """Returns a place in pixels."""
        return self._foot[0] + self._side * right * self._size, self._foot[1] - up * self._size

    def beside(self, right: float, scale: float) -> "Pen":
        """Returns a pen for a smaller shape next to this one."""
        return Pen(self._draw, self.at(right, 0.0), self._size * scale, flip=right < 0)

    def blob(self, right: float, up: float, wide: float, high: float, fill: Colour) -> None:
        """Fills an ellipse around a point."""
        x, y = self.at(right, up)
        wide, high = wide * self._size, high * self._size
        self._draw.ellipse((x - wide, y - high, x + wide, y + high), fill=fill)

    def shape(self, points: Sequence[Point], fill: Colour) -> None:
        """Fills a polygon."""
        self._draw.polygon([self.at(*point) for point in points], fill=fill)

    def stroke(self, points: Sequence[Point], thick: float, fill: Colour) -> None:
        """Draws a line with round ends."""
        width = max(1, round(thick * self._size))
        self._draw.line([self.at(*point) for point in points], fill=fill, width=width, joint="curve")
        for point in (points[0], points[-1]):
            self.blob(*point, thick / 2, thick / 2, fill)


class Palette(NamedTuple):
    """What the surroundings do to the colours of a thing.

    Attributes:
        near: The dark of the foreground.
        glow: The light that falls on it.
        haze: The colour of the air.
    """

    near: Colour
    glow: Colour
    haze: Colour


Creature = Callable[[Pen, Colour, Colour, Random], None]
Prop = Callable[[Pen, Palette, Random], None]


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """Returns a colour between two."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _arc(start: Point, bend: Point, end: Point, steps: int = 14) -> list[Point]:
    """Returns points of a quadratic curve."""
    shares = [step / steps for step in range(steps + 1)]
    return [
        (
            (1 - t) ** 2 * start[0] + 2 * t * (1 - t) * bend[0] + t * t * end[0],
            (1 - t) ** 2 * start[1] + 2 * t * (1 - t) * bend[1] + t * t * end[1],
        )
        for t in shares
    ]


def _sprout_bearer(pen: Pen, body: Colour, eye: Colour, random: Random) -> None:
    """A stout four-legged creature with a bud on its back."""
    pen.blob(-0.04, 0.32, 0.44, 0.21, body)
    for foot in (-0.36, -0.14, 0.16, 0.33):
        pen.stroke([(foot, 0.26), (foot, 0.06)], 0.15, body)
    pen.blob(0.4, 0.43, 0.26, 0.2, body)
    for ear in (0.24, 0.5):
        pen.shape([(ear - 0.08, 0.54), (ear, 0.72), (ear + 0.1, 0.55)], body)
    count = random.choice((3, 5))
    for leaf in range(count):
        angle = math.pi * (0.5 + (leaf - (count - 1) / 2) * 0.2)
        tip = (-0.12 + math.cos(angle) * 0.52, 0.46 + math.sin(angle) * 0.56)
        left, right = (
            (math.cos(angle + turn) * 0.34 - 0.12, 0.46 + math.sin(angle + turn) * 0.36) for turn in (0.6, -0.6)
        )
        pen.shape([*_arc((-0.12, 0.42), left, tip), *_arc(tip, right, (-0.12, 0.42))], body)
    pen.blob(-0.12, 0.52, 0.19, 0.14, body)
    pen.blob(0.5, 0.47, 0.03, 0.042, eye)


def _fox(pen: Pen, body: Colour, eye: Colour, random: Random) -> None:
    """A sitting fox with a great tail."""
    high = random.uniform(0.36, 0.6)
    tail = [*_arc((-0.1, 0.0), (-0.86, -0.06), (-0.6, high)), *_arc((-0.6, high), (-0.5, 0.2), (-0.1, 0.16))]
    pen.shape(tail, body)
    pen.shape([*_arc((-0.3, 0.0), (-0.3, 0.44), (0.02, 0.74)), *_arc((0.24, 0.72), (0.36, 0.4), (0.24, 0.0))], body)
    pen.blob(-0.14, 0.16, 0.2, 0.17, body)
    pen.blob(0.26, 0.03, 0.09, 0.03, body)
    pen.shape(
        [(-0.04, 0.86), *_arc((0.1, 0.98), (0.26, 0.94), (0.46, 0.73)), *_arc((0.46, 0.7), (0.2, 0.6), (0.0, 0.68))],
        body,
    )
    for ear in (0.0, 0.15):
        pen.shape([(ear - 0.06, 0.84), (ear - 0.01, 1.12), (ear + 0.12, 0.9)], body)
    pen.blob(0.24, 0.82, 0.024, 0.026, eye)


def _deer(pen: Pen, body: Colour, eye: Colour, random: Random) -> None:
    """A stag."""
    pen.shape(
        [*_arc((-0.36, 0.36), (-0.44, 0.66), (-0.05, 0.62)), *_arc((-0.05, 0.62), (0.34, 0.62), (0.26, 0.38))], body
    )
    pen.blob(-0.04, 0.46, 0.34, 0.13, body)
    for foot, knee in ((-0.33, -0.36), (-0.23, -0.22), (0.15, 0.17), (0.25, 0.27)):
        pen.stroke([(foot + 0.02, 0.42), (knee, 0.22), (foot, 0.0)], 0.045, body)
    pen.shape([(0.06, 0.5), (0.3, 0.9), (0.42, 0.86), (0.32, 0.46)], body)
    pen.blob(0.41, 0.88, 0.12, 0.07, body)
    pen.shape([(0.4, 0.94), (0.58, 0.82), (0.42, 0.81)], body)
    pen.shape([(0.32, 0.92), (0.2, 1.0), (0.34, 0.97)], body)
    for lean in (-0.1, 0.1):
        pen.stroke(_arc((0.36, 0.93), (0.24 + lean, 1.06), (0.36 + lean * 2, 1.28)), 0.022, body)
        for tine in range(random.randrange(2, 4)):
            start = (0.31 + lean * (0.8 + tine * 0.4), 1.04 + tine * 0.08)
            pen.stroke([start, (start[0] + 0.1, start[1] + 0.08)], 0.018, body)
    pen.shape([(-0.36, 0.56), (-0.46, 0.5), (-0.37, 0.48)], body)
    pen.blob(0.43, 0.9, 0.016, 0.018, eye)


def _owl(pen: Pen, body: Colour, eye: Colour, random: Random) -> None:
    """An owl on a stump."""
    pen.shape([(-0.34, 0.0), (-0.22, 0.28), (0.24, 0.28), (0.32, 0.0)], body)
    pen.stroke([(0.2, 0.18), (0.44, random.uniform(0.24, 0.4))], 0.05, body)
    pen.blob(0, 0.58, 0.25, 0.33, body)
    pen.blob(0, 0.86, 0.23, 0.19, body)
    pen.shape([(-0.22, 0.92), (-0.2, 1.12), (-0.04, 1.0)], body)
    pen.shape([(0.22, 0.92), (0.2, 1.12), (0.04, 1.0)], body)
    pen.shape([(-0.14, 0.4), (-0.08, 0.14), (0.1, 0.4)], body)
    for side in (-0.09, 0.09):
        pen.blob(side, 0.88, 0.058, 0.06, eye)
        pen.blob(side, 0.88, 0.024, 0.03, body)


def _hare(pen: Pen, body: Colour, eye: Colour, random: Random) -> None:
    """A hare, up on its haunches."""
    pen.shape([*_arc((-0.34, 0.02), (-0.42, 0.5), (0.06, 0.6)), *_arc((0.06, 0.6), (0.34, 0.46), (0.2, 0.02))], body)
    pen.blob(-0.14, 0.14, 0.22, 0.16, body)
    pen.blob(-0.36, 0.14, 0.09, 0.09, body)
    pen.stroke([(0.16, 0.4), (0.24, 0.03)], 0.08, body)
    pen.blob(0.02, 0.035, 0.2, 0.035, body)
    pen.blob(0.17, 0.7, 0.16, 0.13, body)
    pen.blob(0.27, 0.67, 0.09, 0.08, body)
    tilt = random.uniform(-0.12, 0.1)
    for ear in (0.06, 0.16):
        tip = (ear + tilt - 0.06, 1.2)
        pen.shape(
            [
                *_arc((ear - 0.05, 0.78), (ear - 0.12 + tilt / 2, 1.05), tip),
                *_arc(tip, (ear + 0.12 + tilt, 1.0), (ear + 0.06, 0.78)),
            ],
            body,
        )
    pen.blob(0.22, 0.73, 0.024, 0.028, eye)


def _serpent(pen: Pen, body: Colour, eye: Colour, random: Random) -> None:
    """A long-necked beast with fins."""
    pen.shape([*_arc((-0.6, 0.02), (-0.3, 0.5), (0.08, 0.42)), *_arc((0.08, 0.42), (0.4, 0.34), (0.4, 0.0))], body)
    neck = _arc((0.14, 0.3), (0.52, 0.6), (0.26, 1.0), 24)
    for step, (right, up) in enumerate(neck):
        pen.blob(right, up, 0.13 - step * 0.0032, 0.12 - step * 0.003, body)
    pen.blob(0.33, 1.03, 0.13, 0.085, body)
    pen.shape([(0.36, 1.09), (0.56, 1.01), (0.36, 0.95)], body)
    pen.shape([(0.22, 1.06), (0.1, 1.2), (0.3, 1.1)], body)
    for fin in range(random.randrange(3, 6)):
        left = -0.42 + fin * 0.13
        pen.shape([(left, 0.2 + fin * 0.04), (left - 0.03, 0.42 + fin * 0.035), (left + 0.14, 0.3 + fin * 0.03)], body)
    pen.stroke(_arc((-0.5, 0.06), (-0.85, 0.02), (-0.86, 0.26)), 0.05, body)
    pen.blob(0.38, 1.05, 0.02, 0.022, eye)


CREATURES: dict[str, Creature] = {
    "sprout": _sprout_bearer,
    "fox": _fox,
    "deer": _deer,
    "owl": _owl,
    "hare": _hare,
    "serpent": _serpent,
}


def _mushrooms(pen: Pen, light: Palette, random: Random) -> None:
    cap = random.choice(((176, 58, 46), (196, 128, 62), (122, 86, 140)))
    for right, scale in ((0.36, 0.5), (-0.34, 0.66), (0.0, 1.0)):
        one = pen.beside(right, scale)
        stem = mix((226, 214, 190), light.near, 0.25)
        one.shape([*_arc((-0.1, 0.0), (-0.05, 0.3), (-0.07, 0.6)), *_arc((0.07, 0.6), (0.06, 0.3), (0.13, 0.0))], stem)
        one.shape([*_arc((0.02, 0.6), (0.08, 0.3), (0.12, 0.0)), (0.06, 0.0)], mix(stem, light.near, 0.35))
        one.shape(
            [
                *_arc((-0.4, 0.56), (-0.34, 1.06), (0.02, 1.0)),
                *_arc((0.02, 1.0), (0.38, 0.98), (0.4, 0.56)),
                *_arc((0.4, 0.56), (0, 0.46), (-0.4, 0.56)),
            ],
            mix(cap, light.near, 0.12),
        )
        one.shape(
            [*_arc((-0.36, 0.6), (-0.3, 1.0), (0.02, 0.97)), *_arc((0.02, 0.97), (-0.16, 0.86), (-0.2, 0.58))],
            mix(cap, light.glow, 0.22),
        )
        for _ in range(6):
            spot = random.uniform(0.025, 0.05)
            one.blob(
                random.uniform(-0.24, 0.24), random.uniform(0.66, 0.88), spot, spot * 0.8, mix(light.glow, cap, 0.15)
            )


def _flower(pen: Pen, light: Palette, random: Random) -> None:
    petal = random.choice(((232, 142, 170), (240, 196, 84), (150, 130, 214), (236, 236, 240)))
    green = mix((70, 124, 70), light.near, 0.3)
    pen.stroke(_arc((0.04, 0.0), (-0.1, 0.4), (0.0, 0.72)), 0.035, green)
    for side in (-1, 1):
        tip = (side * 0.4, 0.34 + 0.08 * side)
        pen.shape(
            [*_arc((-0.02, 0.14), (side * 0.16, 0.42), tip), *_arc(tip, (side * 0.3, 0.12), (-0.02, 0.14))],
            mix(green, light.glow, 0.1 + 0.1 * side),
        )
    count = random.randrange(7, 12)
    for ring, reach in ((0, 0.36), (1, 0.26)):
        for number in range(count):
            angle = (number + ring / 2) / count * math.tau
            tip = (math.cos(angle) * reach, 0.78 + math.sin(angle) * reach * 0.86)
            left, right = angle - 0.5, angle + 0.5
            bends = [(math.cos(a) * reach * 0.8, 0.78 + math.sin(a) * reach * 0.7) for a in (left, right)]
            shade = mix(petal, light.near if ring == 0 else light.glow, 0.08 + 0.2 * (1 - math.sin(angle)) / 2)
            pen.shape([*_arc((0, 0.78), bends[0], tip), *_arc(tip, bends[1], (0, 0.78))], shade)
    pen.blob(0, 0.78, 0.1, 0.09, (196, 146, 52))
    pen.blob(-0.02, 0.8, 0.06, 0.05, (226, 186, 92))


def _stones(pen: Pen, light: Palette, random: Random) -> None:
    up, wide = 0.0, 0.46
    for _ in range(random.randrange(3, 6)):
        high = wide * random.uniform(0.3, 0.42)
        one = pen.beside(random.uniform(-0.04, 0.04), 1.0)
        grey = mix((132, 130, 126), light.haze, random.uniform(0.05, 0.35))
        one.blob(0, up + high, wide, high, mix(grey, light.near, 0.42))
        one.blob(-wide * 0.06, up + high * 1.16, wide * 0.88, high * 0.8, grey)
        one.blob(-wide * 0.22, up + high * 1.42, wide * 0.5, high * 0.4, mix(grey, light.glow, 0.3))
        up, wide = up + high * 1.86, wide * random.uniform(0.66, 0.82)
    pen.blob(-0.3, 0.03, 0.16, 0.05, mix((84, 122, 70), light.near, 0.25))


def _leaf(pen: Pen, light: Palette, random: Random) -> None:
    green = random.choice(((94, 150, 84), (190, 120, 52), (170, 62, 52), (116, 160, 120)))
    foot, tip = (-0.46, 0.08), (0.44, 0.94)
    pen.shape([*_arc(foot, (-0.56, 0.86), tip), *_arc(tip, (0.5, 0.06), foot)], mix(green, light.near, 0.3))
    pen.shape([*_arc(foot, (-0.56, 0.86), tip), *_arc(tip, (0.0, 0.5), foot)], mix(green, light.glow, 0.16))
    spine = _arc(foot, (0.0, 0.5), tip, 16)
    for number in range(2, 14, 2):
        right, up = spine[number]
        reach = 0.24 * math.sin(number / 16 * math.pi)
        for side in (-1, 1):
            pen.stroke(
                [(right, up), (right + 0.1 + side * reach * 0.3, up + side * reach * 0.9)],
                0.007,
                mix(green, light.glow, 0.4),
            )
    pen.stroke(spine, 0.016, mix(green, light.glow, 0.5))
    pen.stroke([foot, (-0.56, 0.0)], 0.02, mix(green, light.near, 0.4))
    for _ in range(random.randrange(3, 7)):  # dew
        right, up = spine[random.randrange(3, 14)]
        drop = random.uniform(0.018, 0.036)
        pen.blob(right - 0.08, up + 0.06, drop, drop, mix(light.glow, green, 0.35))
        pen.blob(right - 0.088, up + 0.07, drop * 0.4, drop * 0.4, light.glow)


def _crystals(pen: Pen, light: Palette, random: Random) -> None:
    tint = random.choice(((120, 180, 220), (176, 132, 216), (130, 206, 176)))
    for foot, lean, usual in ((-0.26, -0.3, 0.5), (0.26, 0.32, 0.56), (-0.1, -0.12, 0.82), (0.1, 0.1, 0.98)):
        high = usual * random.uniform(0.88, 1.06)
        wide, top = 0.11, foot + lean * high
        left, right = (top - wide, high * 0.82), (top + wide, high * 0.78)
        point = (top + lean * 0.1, high)
        pen.shape(
            [(foot - wide, 0.0), left, point, (top + 0.02, high * 0.74), (foot + 0.02, 0.0)], mix(tint, light.glow, 0.4)
        )
        pen.shape(
            [(foot + 0.02, 0.0), (top + 0.02, high * 0.74), point, right, (foot + wide, 0.0)],
            mix(tint, light.near, 0.32),
        )
        pen.shape([left, point, (top + 0.02, high * 0.74)], mix(tint, light.glow, 0.7))
    pen.blob(0.0, 0.0, 0.46, 0.07, mix(light.near, tint, 0.25))


PROPS: dict[str, Prop] = {
    "mushrooms": _mushrooms,
    "flower": _flower,
    "stones": _stones,
    "leaf": _leaf,
    "crystals": _crystals,
}


def draw_fir(draw: ImageDraw, foot: Point, size: float, colour: Colour, random: Random) -> None:
    """Draws a fir."""
    x, ground = foot
    wide = size * random.uniform(0.17, 0.23)
    draw.rectangle((x - size * 0.015, ground - size * 0.2, x + size * 0.015, ground), fill=colour)
    for tier in range(5):
        bottom, reach = ground - size * (0.1 + tier * 0.17), wide * (1 - tier * 0.18)
        draw.polygon([(x - reach, bottom), (x, bottom - size * 0.32), (x + reach, bottom)], fill=colour)


def draw_grass(draw: ImageDraw, edge: Sequence[Point], size: float, colour: Colour, random: Random) -> None:
    """Draws blades along an edge."""
    thick = max(1.2, size * 0.06)
    for x, y in edge:
        for _ in range(2):
            foot = x + random.uniform(-1, 1) * size * 0.15
            tip = (foot + random.uniform(-0.3, 0.3) * size, y - random.uniform(0.2, 1.0) * size)
            draw.polygon([(foot - thick, y + size * 0.2), tip, (foot + thick, y + size * 0.2)], fill=colour)

"""Paints the pictures of the Gemini emulator: a landscape, a creature or a still life for each prompt.

The same prompt and size always give the same picture. What a prompt asks for is read by ``scene``; what stands in the
foreground is drawn by ``silhouettes``.

Benchmarks run beside the emulator, so a picture must cost little (40 ms): the distance is painted at half size and
enlarged, which also softens it; the foreground is drawn sharp on top.
"""

import math
from collections.abc import Callable
from io import BytesIO
from random import Random

from PIL import Image, ImageDraw, ImageFont

from assetgen_emulators.painting.scene import Colour, Light, Scene, scene_of
from assetgen_emulators.painting.silhouettes import CREATURES, PROPS, Palette, Pen, draw_fir, draw_grass, mix

#: Draws the foreground on the full picture, which is so many times as large as the background was painted.
Foreground = Callable[[ImageDraw.ImageDraw, float], None]


def paint(prompt: str, width: int, height: int) -> Image.Image:
    """Returns the picture for a prompt."""
    scene = scene_of(prompt)
    random = Random(scene.seed)  # noqa: S311 - it only has to look varied
    half = Image.new("RGB", (max(16, width // 2), max(16, height // 2)))
    compositions = {"environment": _landscape, "character": _creature, "prop": _still_life}
    draw_foreground = compositions[scene.subject](half, scene, random)
    picture = half.resize((width, height), Image.Resampling.BICUBIC)
    draw_foreground(ImageDraw.Draw(picture), height / half.height)
    _sign(picture, scene.caption)
    return picture


def as_png(picture: Image.Image) -> bytes:
    """Encodes quickly rather than small."""
    buffer = BytesIO()
    picture.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def as_jpeg(picture: Image.Image) -> bytes:
    """Encodes as JPEG."""
    buffer = BytesIO()
    picture.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def _landscape(image: Image.Image, scene: Scene, random: Random) -> Foreground:
    light, kind, (width, height) = scene.light, scene.motif, image.size
    horizon = round(height * random.uniform(0.5, 0.66))
    sun = (random.uniform(0.15, 0.85) * width, random.uniform(0.14, 0.4) * height)
    _sky(image, light, sun, random)
    _ridges(image, light, random, horizon, 3 if kind == "lake" else 5, jagged=kind in ("peaks", "lake"))
    if kind == "lake":
        _lake(image, light, horizon, sun)

    def foreground(draw: ImageDraw.ImageDraw, scale: float) -> None:
        wide, high = width * scale, height * scale
        base = high * (0.93 if kind == "lake" else 0.86)
        for _ in range({"forest": 26, "lake": 9, "peaks": 9}.get(kind, 0)):
            edges = (random.uniform(0, 0.26), random.uniform(0.76, 1))  # where they leave the view open
            x = wide * (random.uniform(0, 1) if kind == "forest" else random.choice(edges))
            size = high * random.uniform(0.2, 0.5 if kind == "forest" else 0.42)
            colour = mix(light.near, light.sky[2], random.uniform(0, 0.16))
            draw_fir(draw, (x, base + high * 0.08), size, colour, random)
        points = [(x, base + dy) for x, dy in _ridge(wide, random, high * 0.05, jagged=False)]
        draw.polygon([*points, (wide, high), (0, high)], fill=light.near)
        draw_grass(draw, points, high * 0.05, light.near, random)
        if not light.night and random.random() < 0.6:
            _birds(draw, (wide, high), light, random)

    return foreground


def _creature(image: Image.Image, scene: Scene, random: Random) -> Foreground:
    light, (width, height) = scene.light, image.size
    sun = (random.uniform(0.36, 0.64), random.uniform(0.34, 0.5))
    _sky(image, light, (width * sun[0], height * sun[1]), random, disc=0.17)
    _ridges(image, light, random, round(height * 0.66), 3, jagged=random.random() < 0.5)

    def foreground(draw: ImageDraw.ImageDraw, scale: float) -> None:
        wide, high = width * scale, height * scale
        mound = [(x, high * 0.84 + dy) for x, dy in _ridge(wide, random, high * 0.035, jagged=False)]
        draw.polygon([*mound, (wide, high), (0, high)], fill=light.near)
        size = min(wide, high) * random.uniform(0.44, 0.54)
        x = min(max((sun[0] + random.uniform(-0.04, 0.04)) * wide, size * 0.8), wide - size * 0.8)
        ground = min(mound, key=lambda point: abs(point[0] - x))[1] + size * 0.03
        rim, inside = mix(light.glow, light.sky[1], 0.15), mix(light.near, light.sky[0], 0.16)
        flip = random.random() < 0.5
        state = random.getstate()
        for shift, colour in ((-size * 0.012, rim), (0.0, inside)):  # the same shape twice: light along its upper edge
            random.setstate(state)
            pen = Pen(draw, (x + shift * (-1 if flip else 1), ground + shift), size, flip=flip)
            CREATURES[scene.motif](pen, colour, colour if shift else light.glow, random)
        draw_grass(draw, mound, high * 0.06, light.near, random)

    return foreground


def _still_life(image: Image.Image, scene: Scene, random: Random) -> Foreground:
    light, (width, height) = scene.light, image.size
    upper, middle = mix(light.sky[0], light.near, 0.5), mix(light.sky[1], light.near, 0.2)
    small = Image.new("RGB", (max(1, width // 6), max(1, height // 6)))
    _gradient(small, (upper, middle, mix(light.near, light.sky[1], 0.35)))
    image.paste(small.resize(image.size))
    for _ in range(22):  # light out of focus
        radius = round(min(width, height) * random.uniform(0.03, 0.11))
        centre = (random.uniform(0, width), random.uniform(0, height * 0.7))
        colour = mix(light.glow, light.sky[random.randrange(3)], random.uniform(0.2, 0.8))
        _disc(image, centre, radius, colour, random.uniform(0.1, 0.4))
    table = round(height * 0.8)
    ImageDraw.Draw(image).rectangle((0, table, width, height), fill=mix(light.near, light.sky[1], 0.12))
    _mist(image, light.sky[1], table, height - table, 0.35, upside_down=True)
    size = min(width, height) * random.uniform(0.5, 0.6)
    x = width * random.uniform(0.4, 0.6)
    _glow(image, light.glow, (x, table - size * 0.45), size * 0.95, 0.5)
    corners = Image.radial_gradient("L").resize(image.size).point([max(0, level - 110) for level in range(256)])
    image.paste(mix(light.near, (0, 0, 0), 0.5), mask=corners)
    foot = (x, table + size * 0.06)

    def foreground(draw: ImageDraw.ImageDraw, scale: float) -> None:
        pen = Pen(draw, (foot[0] * scale, foot[1] * scale), size * scale, flip=random.random() < 0.5)
        shadow = mix(light.near, light.sky[1], 0.06)
        pen.blob(0.02, -0.005, 0.5, 0.05, shadow)
        PROPS[scene.motif](pen, Palette(light.near, light.glow, light.sky[1]), random)

    return foreground


def _gradient(image: Image.Image, colours: tuple[Colour, Colour, Colour], bottom: float = 1.0) -> None:
    """Fills the upper ``bottom`` of an image from the first colour over the second to the third."""
    width, height = image.size
    rows = max(1, round(height * bottom))
    column = Image.new("RGB", (1, 3))
    column.putdata(colours)
    # Twice as high and its middle cut out: enlarging keeps half a pixel of the first and last colour flat.
    image.paste(column.resize((width, rows), Image.Resampling.BILINEAR, box=(0, 0.4, 1, 2.6)))
    if rows < height:
        image.paste(colours[2], (0, rows, width, height))


def _sky(image: Image.Image, light: Light, sun: tuple[float, float], random: Random, disc: float = 0.0) -> None:
    width, height = image.size
    _gradient(image, light.sky, 0.72)
    draw = ImageDraw.Draw(image)
    if light.night:
        for _ in range(130):
            x, y = random.uniform(0, width), random.uniform(0, height * 0.62)
            shade = mix(light.sky[0], light.glow, random.uniform(0.3, 0.95))
            draw.point((x, y), fill=shade)
    _glow(image, light.glow, sun, height * 0.85, 0.6)
    radius = height * (disc or random.uniform(0.045, 0.075))
    _disc(image, sun, round(radius), light.glow, 0.96)
    for _ in range(random.randrange(2, 6)):  # bands of cloud
        y, reach = random.uniform(0.06, 0.5) * height, random.uniform(0.2, 0.6) * width
        x, thick = random.uniform(-0.1, 0.9) * width, height * random.uniform(0.012, 0.04)
        for part in range(3):
            shape = (max(1, round(reach * (1 - part * 0.25))), max(1, round(thick * (4 - part * 0.5))))
            corner = (round(x + reach * part * 0.16), round(y - thick * part * 0.4))
            image.paste(mix(light.glow, light.sky[2], 0.35), corner, _soft_spot(0.75, 1.4).resize(shape))


def _ridge(width: float, random: Random, swing: float, *, jagged: bool) -> list[tuple[float, float]]:
    """Returns a line of hills around 0, from left edge to right edge."""
    waves = [(random.uniform(0.6, 1.6) * 2.1**octave, random.uniform(0, math.tau), 0.5**octave) for octave in range(5)]
    shape: Callable[[float], float] = (lambda angle: 1 - 2 * abs(math.sin(angle / 2))) if jagged else math.sin
    steps = max(2, min(240, round(width / 4)))
    return [
        (x, -swing * sum(high * shape(often * x / width * math.tau + phase) for often, phase, high in waves))
        for x in (width * step / steps for step in range(steps + 1))
    ]


def _ridges(image: Image.Image, light: Light, random: Random, horizon: int, count: int, *, jagged: bool) -> None:
    """Layers of hills, paler the farther, with mist between them."""
    width, height = image.size
    for layer in range(count):
        nearness = (layer + 1) / (count + 1)
        swing = height * (0.15 * (1 - nearness) + 0.03) if jagged else height * 0.05 * (1.2 - nearness * 0.5)
        base = horizon - height * 0.08 + (height * 0.88 - horizon) * (layer / count) ** 1.2
        colour = mix(mix(light.sky[2], light.sky[0], 0.3), light.near, nearness**0.9)
        points = [(x, base + dy) for x, dy in _ridge(width, random, swing, jagged=jagged and layer < 3)]
        ImageDraw.Draw(image).polygon([*points, (width, height), (0, height)], fill=colour)
        _mist(image, mix(light.sky[2], light.glow, 0.3), round(base), round(height * 0.2), 0.55 * (1 - nearness) + 0.1)


def _mist(
    image: Image.Image, colour: Colour, top: int, thick: int, strength: float, *, upside_down: bool = False
) -> None:
    """Lays a veil over a band, denser towards its lower edge (or its upper one)."""
    width, height = image.size
    top = max(0, min(top, height - 1))
    rows = max(1, min(thick, height - top))
    veil = Image.linear_gradient("L").point([round(level * strength) for level in range(256)])
    veil = veil.transpose(Image.Transpose.FLIP_TOP_BOTTOM) if upside_down else veil
    image.paste(colour, (0, top), veil.resize((width, rows)))


def _glow(image: Image.Image, colour: Colour, centre: tuple[float, float], radius: float, strength: float) -> None:
    halo = _soft_spot(strength, 2.2).resize((max(2, round(radius * 2)),) * 2)
    image.paste(colour, (round(centre[0] - radius), round(centre[1] - radius)), halo)


def _soft_spot(strength: float, power: float) -> Image.Image:
    """Returns a mask that is strongest in its middle and nothing at its edges."""
    # Pillow's gradient is 0 in the middle and 179 where it touches the edges.
    falloff = [round(255 * strength * max(0.0, 1 - level / 179) ** power) for level in range(256)]
    return Image.radial_gradient("L").point(falloff)


def _disc(image: Image.Image, centre: tuple[float, float], radius: int, colour: Colour, strength: float) -> None:
    mask = Image.new("L", (radius * 8 + 8,) * 2)
    ImageDraw.Draw(mask).ellipse((4, 4, radius * 8 + 4, radius * 8 + 4), fill=round(255 * strength))
    mask = mask.resize((radius * 2 + 2,) * 2, Image.Resampling.BOX)
    image.paste(colour, (round(centre[0]) - radius, round(centre[1]) - radius), mask)


def _lake(image: Image.Image, light: Light, horizon: int, sun: tuple[float, float]) -> None:
    """Turns everything below the horizon into still water."""
    width, height = image.size
    shore = min(height - 2, horizon + round(height * 0.1))
    depth = height - shore
    above = image.crop((0, max(0, shore - depth * 2), width, shore))
    mirror = above.transpose(Image.Transpose.FLIP_TOP_BOTTOM).resize((width, depth))
    mirror = Image.blend(mirror, Image.new("RGB", mirror.size, mix(light.near, light.sky[0], 0.5)), 0.34)
    image.paste(mirror, (0, shore))
    draw = ImageDraw.Draw(image)
    for row in range(2, depth, 3):  # the sun's path
        reach = width * 0.012 * (1 + row / 14) * (0.6 + 0.4 * math.sin(row * 1.7))
        draw.line((sun[0] - reach, shore + row, sun[0] + reach, shore + row), fill=mix(light.glow, light.sky[1], 0.35))
    _mist(image, light.sky[2], shore - round(height * 0.05), round(height * 0.05), 0.5)
    _mist(image, light.sky[2], shore, round(height * 0.06), 0.45, upside_down=True)


def _birds(draw: ImageDraw.ImageDraw, size: tuple[float, float], light: Light, random: Random) -> None:
    width, height = size
    x, y = random.uniform(0.2, 0.7) * width, random.uniform(0.12, 0.3) * height
    for _ in range(random.randrange(3, 8)):
        left, top, span = x + random.uniform(0, 0.16) * width, y + random.uniform(0, 0.08) * height, width * 0.008
        wings = [(left - span, top - span * 0.5), (left, top), (left + span, top - span * 0.5)]
        draw.line(wings, fill=mix(light.near, light.sky[1], 0.25), width=max(1, round(height / 400)))


def _sign(picture: Image.Image, caption: str) -> None:
    """Puts a few words of the prompt into the corner."""
    width, height = picture.size
    size = round(min(width, height) * 0.036)
    if size < 6 or not caption:
        return
    font = ImageFont.load_default(size)
    draw = ImageDraw.Draw(picture)
    place = (size * 1.1, height - size * 2.1)
    draw.text((place[0] + 1.5, place[1] + 1.5), caption, font=font, fill=(0, 0, 0))
    draw.text(place, caption, font=font, fill=(246, 244, 236))

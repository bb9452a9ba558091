"""Paints the pictures of the Gemini emulator: a landscape, a creature or a still life for each prompt.

The same prompt and size always give the same picture. Benchmarks run beside the emulator, so a picture must cost little
(40 ms): the distance is painted at half size and enlarged, which also softens it; the foreground is drawn sharp on top.
"""

import math
from io import BytesIO
from random import Random

from PIL import Image, ImageDraw, ImageFont

from assetgen_emulators.painting.scene import LIGHTS, Scene, scene_of
from assetgen_emulators.painting.shapes import MOTIFS, Colour, Point, draw_ellipse, draw_motif, mix

#: A creature's height by its framing, as a share of the picture's shorter side.
_HEIGHTS = {"small": 0.3, None: 0.5, "large": 0.8}
_FIRS = {"forest": 26, "lake": 8, "peaks": 9}
_WATER = ("lake", "ice")


def paint(prompt: str, width: int, height: int) -> Image.Image:
    """Returns the picture for a prompt."""
    scene = scene_of(prompt)
    random = Random(scene.seed)  # noqa: S311 - it only has to look varied
    half = Image.new("RGB", (max(16, width // 2), max(16, height // 2)))
    sun = (random.uniform(0.3, 0.7), random.uniform(0.16, 0.42))
    paint_distance, draw_foreground = (_backdrop, _still_life) if scene.subject == "prop" else (_land, _foreground)
    paint_distance(half, scene, sun, random)
    picture = half.resize((width, height), Image.Resampling.BICUBIC)
    draw_foreground(picture, scene, sun, random)
    _sign(picture, scene.caption)
    return picture


def as_png(picture: Image.Image) -> bytes:
    """Encodes quickly rather than small."""
    return _encode(picture, "PNG", compress_level=1)


def as_jpeg(picture: Image.Image) -> bytes:
    """Encodes as JPEG."""
    return _encode(picture, "JPEG", quality=88)


def _encode(picture: Image.Image, form: str, **options: int) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def _land(image: Image.Image, scene: Scene, sun: Point, random: Random) -> None:
    """Paints sky, hills and water."""
    light, (width, height), creature = LIGHTS[scene.light], image.size, scene.subject == "character"
    draw = ImageDraw.Draw(image)
    _gradient(image, light[:3], 0.72)
    for _ in range(130 if scene.light == "night" else 0):
        place = (random.uniform(0, width), random.uniform(0, height * 0.62))
        draw.point(place, fill=mix(light.zenith, light.glow, random.uniform(0.3, 0.95)))
    centre, radius = (width * sun[0], height * sun[1]), height * (0.16 if creature else random.uniform(0.045, 0.075))
    _spot(image, light.glow, centre, (height * 0.85, height * 0.85), 0.6)
    draw_ellipse(draw, centre, (radius, radius), light.glow)
    for _ in range(random.randrange(2, 6)):  # clouds
        place = (random.uniform(0, width), random.uniform(0.06, 0.46) * height)
        reach = (random.uniform(0.1, 0.3) * width, random.uniform(0.02, 0.05) * height)
        _spot(image, mix(light.glow, light.horizon, 0.35), place, reach, 0.75)
    jagged = scene.motif in ("peaks", *_WATER) or (creature and random.random() < 0.5)
    horizon, layers = height * random.uniform(0.5, 0.62), 3 if creature or scene.motif in _WATER else 5
    for layer in range(layers):  # hills, paler the farther
        near, peaks = (layer + 1) / (layers + 1), jagged and layer < 3
        base = horizon - height * 0.08 + (height * 0.88 - horizon) * (layer / layers) ** 1.2
        hill = _ridge(
            width, base, height * (0.18 - 0.15 * near if peaks else 0.06 - 0.025 * near), random, jagged=peaks
        )
        colour = mix(mix(light.horizon, light.zenith, 0.3), light.near, near**0.9)
        draw.polygon([*hill, (width, height), (0, height)], fill=colour)
        _veil(image, mix(light.horizon, light.glow, 0.3), round(base), height // 5, 0.65 - 0.55 * near)
    if scene.motif in _WATER and not creature:
        _flood(image, scene, round(height * 0.64), centre[0], random)


def _flood(image: Image.Image, scene: Scene, shore: int, sun: float, random: Random) -> None:
    """Turns everything below the shore into still water, with floes on it where ice is asked for."""
    light, (width, height), depth = LIGHTS[scene.light], image.size, image.height - shore
    mirror = image.crop((0, shore - depth, width, shore)).transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    depths = Image.new("RGB", mirror.size, mix(light.near, light.zenith, 0.5))
    image.paste(Image.blend(mirror, depths, 0.34), (0, shore))
    draw = ImageDraw.Draw(image)
    for row in range(2, depth, 3):  # the sun's path
        reach = width * 0.012 * (1 + row / 14) * (0.6 + 0.4 * math.sin(row * 1.7))
        draw.line((sun - reach, shore + row, sun + reach, shore + row), fill=mix(light.glow, light.middle, 0.35))
    for step in range(16 if scene.motif == "ice" else 0):
        y, wide = shore + depth * (step / 16) ** 1.5, width * random.uniform(0.02, 0.05) * (1 + step / 4)
        x, high = random.uniform(0, width), wide * 0.12
        for top, colour in ((y + high, mix(light.middle, light.near, 0.4)), (y, mix(light.horizon, light.glow, 0.5))):
            upper = [(x - wide, top), (x - wide * 0.5, top - high), (x + wide * 0.7, top - high)]
            draw.polygon([*upper, (x + wide, top + high / 2), (x - wide * 0.3, top + high)], fill=colour)
    _veil(image, light.horizon, shore - height // 20, height // 20, 0.5)


def _foreground(image: Image.Image, scene: Scene, sun: Point, random: Random) -> None:
    """Draws the nearest hill and what stands on it."""
    light, (width, height), draw = LIGHTS[scene.light], image.size, ImageDraw.Draw(image)
    base = height * (0.93 if scene.motif in _WATER else 0.86)
    for _ in range(_FIRS.get(scene.motif, 0)):
        edges = (random.uniform(0, 0.26), random.uniform(0.76, 1))  # where they leave the view open
        x = width * (random.uniform(0, 1) if scene.motif == "forest" else random.choice(edges))
        high, colour = height * random.uniform(0.2, 0.48), mix(light.near, light.horizon, random.uniform(0, 0.16))
        for tier in range(5):
            bottom, reach = base + height * 0.08 - high * (0.1 + tier * 0.17), high * 0.2 * (1 - tier * 0.18)
            draw.polygon([(x - reach, bottom), (x, bottom - high * 0.32), (x + reach, bottom)], fill=colour)
    hill = _ridge(width, base, height * 0.03, random, jagged=False)
    draw.polygon([*hill, (width, height), (0, height)], fill=light.near)
    flip = random.random() < 0.5
    if scene.accent:
        foot, accent = (width * (0.18 if flip else 0.82), base), MOTIFS["prop"][scene.accent]
        tint = mix(light.near, accent.tint, 0.3)
        draw_motif(draw, accent, foot, min(width, height) * 0.2, (light.near, tint, light.middle), flip=flip)
    if scene.subject == "character":
        creature, high = MOTIFS["character"][scene.motif], min(width, height) * _HEIGHTS[scene.framing]
        foot = (width * sun[0], base + height * (0.16 if scene.framing == "large" else 0))
        body = mix(light.near, scene.colour or creature.tint, 0.45)
        rim, shift = mix(light.glow, light.middle, 0.15), high * 0.012
        place = (foot[0] + (shift if flip else -shift), foot[1] - shift)
        draw_motif(draw, creature, place, high, (rim, rim, rim), flip=flip)  # light along its upper edge
        draw_motif(draw, creature, foot, high, (light.near, body, light.glow), flip=flip)
    blade = height * 0.05
    for x, y in hill:
        for _ in range(2):
            tip = (x + random.uniform(-0.4, 0.4) * blade, y - random.uniform(0.2, 1.0) * blade)
            draw.polygon([(x - 2, y + blade * 0.2), tip, (x + 2, y + blade * 0.2)], fill=light.near)


def _backdrop(image: Image.Image, scene: Scene, sun: Point, random: Random) -> None:
    """Paints a table and lights out of focus behind it."""
    light, (width, height) = LIGHTS[scene.light], image.size
    upper, middle, lower = (mix(light[n], light.near, share) for n, share in enumerate((0.5, 0.2, 0.7)))
    _gradient(image, (upper, middle, lower), 1)
    for _ in range(16):
        reach = min(image.size) * random.uniform(0.04, 0.12)
        place = (random.uniform(0, width), random.uniform(0, height * 0.7))
        colour = mix(light.glow, light[random.randrange(3)], random.uniform(0.2, 0.8))
        _spot(image, colour, place, (reach, reach), random.uniform(0.2, 0.5), fade=0.25)
    table = round(height * 0.8)
    ImageDraw.Draw(image).rectangle((0, table, width, height), fill=mix(light.near, light.middle, 0.16))
    _spot(image, light.glow, (width * sun[0], height * 0.5), (height * 0.6, height * 0.5), 0.5)


def _still_life(image: Image.Image, scene: Scene, sun: Point, random: Random) -> None:
    """Draws the prop and its shadow."""
    light, (width, height), motif = LIGHTS[scene.light], image.size, MOTIFS["prop"][scene.motif]
    draw = ImageDraw.Draw(image)
    foot, size = (width * sun[0], height * 0.84), min(width, height) * random.uniform(0.5, 0.6)
    draw_ellipse(draw, foot, (size * 0.55, size * 0.05), mix(light.near, light.middle, 0.05))
    tint = mix(scene.colour or motif.tint, light.near, 0.12)
    draw_motif(draw, motif, foot, size, (light.near, tint, light.glow), flip=random.random() < 0.5)


def _gradient(image: Image.Image, colours: tuple[Colour, Colour, Colour], bottom: float) -> None:
    """Fills an image from the first colour over the second to the third, which is reached at ``bottom``."""
    width, height = image.size
    column = Image.new("RGB", (1, 3))
    column.putdata(colours)
    image.paste(colours[2], (0, 0, width, height))
    # Its middle is cut out: enlarging keeps half a pixel of the first and last colour flat.
    image.paste(column.resize((width, max(1, round(height * bottom))), Image.Resampling.BILINEAR, box=(0, 0.4, 1, 2.6)))


def _ridge(width: float, base: float, swing: float, random: Random, *, jagged: bool) -> list[Point]:
    """Returns a line of hills from the left edge to the right one."""
    waves = [(random.uniform(0.6, 1.6) * 2.1**octave, random.uniform(0, math.tau), 0.5**octave) for octave in range(5)]
    steps = max(2, min(240, round(width / 4)))

    def rise(share: float) -> float:
        angles = [(often * share * math.tau + phase, high) for often, phase, high in waves]
        return sum(high * (1 - 2 * abs(math.sin(angle / 2)) if jagged else math.sin(angle)) for angle, high in angles)

    return [(width * step / steps, base - swing * rise(step / steps)) for step in range(steps + 1)]


def _veil(image: Image.Image, colour: Colour, top: int, thick: int, strength: float) -> None:
    """Lays mist over a band, denser towards its lower edge."""
    top = max(0, min(top, image.height - 1))
    veil = Image.linear_gradient("L").point([round(level * strength) for level in range(256)])
    image.paste(colour, (0, top), veil.resize((image.width, max(1, min(thick, image.height - top)))))


def _spot(
    image: Image.Image, colour: Colour, centre: Point, reach: Point, strength: float, *, fade: float = 1.8
) -> None:
    """Lays a soft ellipse of light over a place."""
    # Pillow's gradient is 0 in the middle and 179 where it touches the edges.
    falloff = [round(255 * strength * max(0.0, 1 - level / 179) ** fade) for level in range(256)]
    mask = Image.radial_gradient("L").point(falloff).resize((max(1, round(reach[0] * 2)), max(1, round(reach[1] * 2))))
    image.paste(colour, (round(centre[0] - reach[0]), round(centre[1] - reach[1])), mask)


def _sign(image: Image.Image, caption: str) -> None:
    """Puts a few words of the prompt into the corner."""
    size = round(min(image.size) * 0.036)
    if size >= 6 and caption:
        draw = ImageDraw.Draw(image)
        font, x, y = ImageFont.load_default(size), size * 1.1, image.height - size * 2.1
        draw.text((x + 1.5, y + 1.5), caption, font=font, fill=(0, 0, 0))
        draw.text((x, y), caption, font=font, fill=(246, 244, 236))

"""Writes a manifest from a topic and a story direction, without any service: the same texts give the same prompts.

``brief`` reads the two texts, ``tables`` holds the words; here they are put together: an atmosphere, eight characters
that follow the story's course, nine empty plates to set them in, five details.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from assetgen_dagster.story.brief import Brief, read_brief
from assetgen_dagster.story.manifest import AssetManifest, AssetPrompt, AssetType
from assetgen_dagster.story.names import asset_name, unique_names
from assetgen_dagster.story.tables import Air, Habitat, Light, Season, Time, Weather, arcs, conditions, habitats

_CHARACTERS, _ENVIRONMENTS, _PROPS = 8, 9, 5

_STYLE = "Photorealistic nature documentary still, full-frame cinema camera, natural colour grading, fine grain"
_CHARACTER_END = "True-to-life anatomy and surface texture, unobstructed outline, no people, no text"
_PLATE_END = "No animals and no people, open area in the middle distance for compositing"

_PLATE_FRAMINGS = (
    "Wide establishing frame, 24mm lens at f/8, deep focus",
    "Medium wide frame at eye level, 35mm lens at f/5.6, open space left of centre",
    "Low camera, 20mm lens at f/8, strong foreground leading inward",
    "Telephoto compression, 135mm lens at f/4, layers stacked behind one another",
    "High angle looking down, 28mm lens at f/7.1, clear reading of the space",
    "Symmetrical frame, 50mm lens at f/5.6, empty centre",
    "Frame within a frame, 35mm lens at f/4, dark edges around an open middle",
    "Lateral tracking frame, 40mm anamorphic lens at f/2.8, soft foreground",
    "Panoramic frame, 16mm lens at f/11, small details dwarfed by scale",
)
_PROP_FRAMINGS = (
    "100mm macro lens at f/2.8, razor-thin focus, background dissolved",
    "Focus-stacked macro, 90mm lens at f/8, every surface sharp on a dark neutral background",
    "65mm macro at twice life size, pattern filling the frame",
    "100mm macro lens at a raking angle, relief exaggerated by a single side light",
    "Top-down macro, 60mm lens at f/5.6, graphic composition",
)

T = TypeVar("T")


def create_asset_manifest(topic: str, story_direction: str) -> AssetManifest:
    """Writes the manifest of a film.

    Args:
        topic: What the film is about, such as "Bulbasaur forest documentary". May be empty.
        story_direction: What happens in it, such as "Show evolution through seasons". May be empty.

    Returns:
        22 pictures and the atmosphere they share; what was missing or did not go together is in its warnings.
    """
    brief = read_brief(topic, story_direction)
    drafts = [*_characters(brief), *_environments(brief), *_props(brief)]
    names = unique_names((draft.name, draft.kind.value) for draft in drafts)
    return AssetManifest(
        global_atmosphere=_atmosphere(brief),
        assets=tuple(
            AssetPrompt(asset_type=draft.kind, name=name, prompt=draft.prompt, title=draft.title)
            for draft, name in zip(drafts, names, strict=True)
        ),
        warnings=brief.warnings,
    )


@dataclass(frozen=True)
class _Draft:
    kind: AssetType
    name: str
    title: str
    prompt: str


@dataclass(frozen=True)
class _Stage:
    """What holds for one picture where several seasons, hours or weathers go round: words for its name and prompt."""

    names: tuple[str, ...]
    sentences: tuple[str, ...]
    light: str


def _atmosphere(brief: Brief) -> str:
    """Everything that holds for the whole film, in one paragraph."""
    habitat = habitats()[brief.places[0]]
    beside = [f"{habitats()[name].label} close by" for name in brief.places[1:]]
    sentences = [
        habitat.atmosphere,
        *beside,
        *([_hour(brief, habitat, brief.times[0])] if len(brief.times) == 1 else []),
        *([habitat.own_light] if habitat.light == "own" else []),
        *([_sky(habitat, brief.weathers[0]).atmosphere] if len(brief.weathers) == 1 else []),
        *([habitat.seasons[brief.seasons[0]]] if len(brief.seasons) == 1 else []),
        *([conditions().moods[brief.mood].atmosphere] if brief.mood else []),
        _STYLE,
    ]
    return _text(*sentences)


def _characters(brief: Brief) -> Iterator[_Draft]:
    hero = brief.hero.name
    stem = asset_name(hero)[:80].rstrip("_-") or "hero"
    framings = arcs().framings
    for index, (part, pose, framing) in enumerate(_poses(brief)):
        # The last pictures of a film with two places are set in the second.
        place = brief.places[-1] if index * 8 >= _CHARACTERS * 5 else brief.places[0]
        habitat = habitats()[place]
        moving = _moving(brief, habitat)
        stage = _stage(brief, habitat, index, _CHARACTERS)
        acted = pose.format(spot=habitat.spots[index % len(habitat.spots)], moving=moving)
        yield _Draft(
            AssetType.CHARACTER,
            "_".join((stem, part, *stage.names)),
            _title(hero, part, stage),
            _text(
                f"Documentary still of {hero}, {acted}",
                framings[framing],
                stage.light,
                *stage.sentences,
                _CHARACTER_END,
            ),
        )


def _environments(brief: Brief) -> Iterator[_Draft]:
    plates = _shared(brief, _ENVIRONMENTS, [tuple(habitats()[name].plates.items()) for name in brief.places])
    for index, (place, (name, scene)) in enumerate(plates):
        habitat = habitats()[place]
        stage = _stage(brief, habitat, index, _ENVIRONMENTS)
        yield _Draft(
            AssetType.ENVIRONMENT,
            "_".join((name, *stage.names)),
            _title("", name, stage),
            _text(
                f"Clean background plate, {habitat.label}: {scene}",
                _PLATE_FRAMINGS[index],
                stage.light,
                *stage.sentences,
                _PLATE_END,
            ),
        )


def _props(brief: Brief) -> Iterator[_Draft]:
    props = _shared(brief, _PROPS, [tuple(habitats()[name].props.items()) for name in brief.places])
    for index, (place, (name, detail)) in enumerate(props):
        habitat = habitats()[place]
        touched = f", {_sky(habitat, brief.weathers[0]).macro}" if len(brief.weathers) == 1 else ""
        yield _Draft(
            AssetType.PROP,
            name,
            _title("", name),
            _text(f"Macro detail, {habitat.label}: {detail}{touched}", _PROP_FRAMINGS[index], "No people, no text"),
        )


def _poses(brief: Brief) -> Sequence[tuple[str, str, str]]:
    """Returns eight poses; of two arcs, the first half of the film follows one and the second half the other."""
    table = arcs().arcs
    first, last = table[brief.arcs[0]].poses, table[brief.arcs[-1]].poses
    return (*first[: _CHARACTERS // 2], *last[_CHARACTERS // 2 :])


def _shared(brief: Brief, count: int, tables: Sequence[Sequence[T]]) -> list[tuple[str, T]]:
    """Takes two thirds of the pictures from the main place and the rest from the other, if there is one."""
    main = count if len(tables) == 1 else -(-count * 2 // 3)
    taken = [(brief.places[0], row) for row in tables[0][:main]]
    return taken + [(brief.places[-1], row) for row in tables[-1][: count - main]]


def _stage(brief: Brief, habitat: Habitat, index: int, count: int) -> _Stage:
    """Returns what season, hour and weather a picture has of those that go round."""
    names: list[str] = []
    sentences: list[str] = []
    if len(brief.seasons) > 1:
        season: Season = _turn(brief.seasons, index, count)
        names.append(season)
        sentences.append(habitat.seasons[season])
    if len(brief.weathers) > 1:
        weather: Weather = _turn(brief.weathers, index, count)
        names.append(weather)
        sentences.append(_sky(habitat, weather).atmosphere)
    if habitat.light == "own":
        return _Stage(tuple(names), tuple(sentences), habitat.own_plates[index % len(habitat.own_plates)])
    hour = brief.times[0]
    if len(brief.times) > 1:
        hour = _turn(brief.times, index, count)
        names.append(hour)
        sentences.append(_hour(brief, habitat, hour))
    return _Stage(tuple(names), tuple(sentences), _light(brief, habitat, hour, index))


def _turn(values: Sequence[T], index: int, count: int) -> T:
    """Goes through the values once, in order, in the course of the pictures."""
    return values[index * len(values) // count]


def _is_dull(brief: Brief) -> bool:
    return any(weather in conditions().dull.hides_sun for weather in brief.weathers)


def _lights(habitat: Habitat, hour: Time) -> Light:
    times = conditions().times[hour]
    return times.water if habitat.light == "water" else times.air


def _hour(brief: Brief, habitat: Habitat, hour: Time) -> str:
    light = _lights(habitat, hour)
    return light.dull if _is_dull(brief) else light.atmosphere


def _light(brief: Brief, habitat: Habitat, hour: Time, index: int) -> str:
    plates = _lights(habitat, hour).plates
    if _is_dull(brief):
        dull = conditions().dull
        by_day, by_night = (dull.water, dull.water_night) if habitat.light == "water" else (dull.air, dull.air_night)
        plates = by_night if hour == "night" else by_day
    return plates[index % len(plates)]


def _sky(habitat: Habitat, weather: Weather) -> Air:
    sky = conditions().weathers[weather]
    return sky.water if habitat.light == "water" and sky.water else sky.air


def _moving(brief: Brief, habitat: Habitat) -> str:
    """Returns how the hero gets about in a habitat."""
    if habitat.medium == "water":
        return "swimming"
    if brief.hero.moves == "swimming":
        return "swimming" if habitat.label.startswith("river") else "moving"
    return brief.hero.moves or "walking"


def _title(hero: str, part: str, stage: _Stage | None = None) -> str:
    words = part.replace("_", " ")
    title = f"{hero}, {words}" if hero else words.capitalize()
    return f"{title} ({', '.join(stage.names)})" if stage and stage.names else title


def _text(*sentences: str) -> str:
    return " ".join(f"{sentence[0].upper()}{sentence[1:]}." for sentence in sentences)

"""What goes wrong with Gemini and Notion, drawn by lot: the same from the same seed, call by call."""

import random
from collections.abc import Callable
from typing import TypeVar

from assetgen_emulators.gemini import faults as gemini
from assetgen_emulators.notion import faults as notion

Action = TypeVar("Action")

#: How many calls are planned for; more than any soak makes.
_CALLS = 5_000

_GEMINI_SHARE = 0.12
_NOTION_SHARE = 0.08

_GEMINI: list[tuple[int, Callable[[random.Random], gemini.AnyAction]]] = [
    (6, lambda chance: gemini.ApiError(429, retry_delay_seconds=round(chance.uniform(0.5, 3), 1))),
    (4, lambda _: gemini.ApiError(500)),
    (4, lambda _: gemini.ApiError(503)),
    (2, lambda _: gemini.HtmlPage(billed=True)),
    (4, lambda _: gemini.Reset(billed=True)),
    (3, lambda chance: gemini.TornBody(keep=round(chance.uniform(0.05, 0.95), 2))),
    (2, lambda _: gemini.HalfPng()),
    (2, lambda _: gemini.TextOnly()),
    (1, lambda _: gemini.NoImage("IMAGE_OTHER")),
    (1, lambda _: gemini.NoImage("IMAGE_SAFETY")),
    (1, lambda _: gemini.Hang()),
    (3, lambda chance: gemini.Delay(round(chance.uniform(1, 8), 1))),
    (2, lambda _: gemini.JpegLabelledPng()),
    (1, lambda _: gemini.ApiError(403, message="The emulator takes this key for a wrong one.")),
]

_NOTION: list[tuple[int, Callable[[random.Random], notion.AnyAction]]] = [
    (4, lambda chance: notion.ApiError(429, retry_after=str(chance.randint(1, 3)))),
    (4, lambda chance: notion.ApiError(chance.choice([500, 502, 503, 504, 529]), saved=_even(chance))),
    (2, lambda chance: notion.ApiError(409, saved=_even(chance))),
    (2, lambda chance: notion.HtmlPage(saved=_even(chance))),
    (2, lambda chance: notion.EmptyBody(saved=_even(chance))),
    (2, lambda chance: notion.TornBody(keep=round(chance.uniform(0.05, 0.95), 2), saved=_even(chance))),
    (3, lambda chance: notion.Reset(saved=_even(chance))),
    (1, lambda chance: notion.Hang(saved=_even(chance))),
    (2, lambda chance: notion.Delay(round(chance.uniform(0.5, 4), 1))),
    (1, lambda chance: notion.Drip(round(chance.uniform(0.5, 4), 1))),
]


def gemini_plan(seed: int) -> list[gemini.Fault]:
    """Returns what befalls which call for a picture."""
    chance = random.Random(f"gemini {seed}")
    faulty = [nth for nth in range(1, _CALLS) if chance.random() < _GEMINI_SHARE]
    return [gemini.Fault(_pick(chance, _GEMINI), nth=nth) for nth in faulty]


def outage_plan() -> list[gemini.Fault]:
    """Returns the plan of an outage: no call is answered."""
    return [gemini.Fault(gemini.ApiError(503, message="The model is overloaded."), times=None)]


def notion_plan(seed: int) -> list[notion.Fault]:
    """Returns what befalls which call to Notion."""
    chance = random.Random(f"notion {seed}")
    faulty = [nth for nth in range(1, _CALLS) if chance.random() < _NOTION_SHARE]
    return [notion.Fault(_pick(chance, _NOTION), nth=nth) for nth in faulty]


def _pick(chance: random.Random, among: list[tuple[int, Callable[[random.Random], Action]]]) -> Action:
    [(_, make)] = chance.choices(among, [weight for weight, _ in among])
    return make(chance)


def _even(chance: random.Random) -> bool:
    return chance.random() < 0.5

"""Calls that get no answer: a script's time is over when its call has arrived, whatever the machine's speed."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from assetgen_dagster.providers import cli_script
from assetgen_emulators.gemini import Fault, GeminiEmulator
from assetgen_emulators.gemini.faults import Hang

_LATER = 1_000_000.0


@contextmanager
def never_answered(gemini: GeminiEmulator, prompt: str, *others: Fault) -> Iterator[None]:
    """The first call for this prompt gets no answer. Pictures are drawn one at a time, so it alone runs out of time.

    Args:
        gemini: The emulator.
        prompt: What stands in the prompt.
        others: More faults.
    """

    def monotonic() -> float:
        arrived = any(prompt in call.prompt for call in gemini.journal())
        return time.monotonic() + (_LATER if arrived else 0.0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASSETGEN_IMAGE_CONCURRENCY", "1")
        patch.setattr(cli_script, "time", SimpleNamespace(monotonic=monotonic))
        patch.setattr(cli_script, "_WATCH_SECONDS", 0.02)
        gemini.plan([Fault(Hang(), prompt=prompt), *others])
        yield

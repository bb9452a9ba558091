"""The pictures that the Gemini emulator draws: ``paint(prompt, width, height)``."""

from assetgen_emulators.painting.painter import as_jpeg, as_png, paint

__all__ = ["as_jpeg", "as_png", "paint"]

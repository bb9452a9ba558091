"""All providers, and the ones that the settings choose."""

from assetgen_dagster.providers.base import ImageProvider, Provider
from assetgen_dagster.providers.gemini.provider import GeminiProvider
from assetgen_dagster.providers.gemini.text import GeminiText
from assetgen_dagster.providers.script.provider import ScriptProvider
from assetgen_dagster.settings import Settings

#: In order of precedence: the first one chosen by the settings draws. The last one accepts any settings.
IMAGE_PROVIDERS: list[type[ImageProvider]] = [GeminiProvider, ScriptProvider]


def provider_of(settings: Settings) -> ImageProvider:
    """Returns the provider that draws the pictures."""
    return next(found for provider in IMAGE_PROVIDERS if (found := provider.chosen_by(settings)) is not None)


def providers_in_use(settings: Settings) -> list[Provider]:
    """Returns the providers of a run: the one for pictures and, if configured, the one for texts."""
    return [provider_of(settings), *([GeminiText(settings, settings.story_model)] if settings.story_model else [])]

"""Draws with a producer's own script, named by ``ASSETGEN_SCRIPT``.

It gets Gemini's settings, and its output is read as Gemini's, because most such scripts call Gemini. Since that is not
certain, neither price nor ratios nor key are assumed.
"""

from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Self

from assetgen_dagster.providers.failures import Failure
from assetgen_dagster.providers.gemini.models import EXTREME_RATIOS, USUAL_RATIOS
from assetgen_dagster.providers.gemini.provider import GeminiProvider
from assetgen_dagster.providers.script.help import has_reference_option
from assetgen_dagster.settings import Settings


@dataclass(frozen=True)
class ScriptProvider(GeminiProvider):
    """An ``ImageProvider``."""

    name: ClassVar[str] = "script"
    checkable: ClassVar[bool] = False

    @classmethod
    def chosen_by(cls, settings: Settings) -> Self | None:
        """Returns this provider."""
        return cls(settings)

    @property
    def ratios(self) -> tuple[str, ...]:
        """The ratios of all models."""
        return (*USUAL_RATIOS, *EXTREME_RATIOS)

    def model_note(self, today: date) -> str:
        """Returns nothing: the model is unknown."""
        return ""

    def setting_failure(self) -> Failure | None:
        """Returns None: the script may have a key of its own."""
        return None

    async def takes_references(self) -> bool:
        """Runs the script with ``--help``, without a key: a script that ignores the option must not spend anything."""
        environment = self.environment(self.settings.gemini_aspect_ratio) | {"GEMINI_API_KEY": "none-for-help"}
        return await has_reference_option(self.script, environment)

    def list_price(self, prompt: str, *, references: int) -> float | None:
        """Returns None: the model is unknown."""
        return None

"""Draws with Gemini, by the script that comes with the project."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import ClassVar, Self

import httpx

from assetgen_dagster.errors import Code
from assetgen_dagster.providers.cli_script import CLIScriptError
from assetgen_dagster.providers.failures import Failure
from assetgen_dagster.providers.gemini import models
from assetgen_dagster.providers.gemini.api import account_of, api_base, credentials
from assetgen_dagster.providers.gemini.check import check_model
from assetgen_dagster.providers.gemini.errors import api_reader, missing_key
from assetgen_dagster.providers.gemini.quota import quota_renewed_at
from assetgen_dagster.providers.gemini.retirement import retirement_note
from assetgen_dagster.providers.gemini.script_text import read_text
from assetgen_dagster.providers.script_failures import classify_end
from assetgen_dagster.providers.script_report import ScriptReport
from assetgen_dagster.settings import OWN_SCRIPT, Settings
from assetgen_dagster.support.http import NetworkSettingError, proxy_for

_SETTING = "GEMINI_IMAGE_MODEL"


@dataclass(frozen=True)
class GeminiProvider:
    """An ``ImageProvider``."""

    settings: Settings

    name: ClassVar[str] = "Gemini"
    checkable: ClassVar[bool] = True

    @classmethod
    def chosen_by(cls, settings: Settings) -> Self | None:
        """Returns this provider unless ``ASSETGEN_SCRIPT`` names another script."""
        return cls(settings) if settings.script == OWN_SCRIPT else None

    @property
    def model(self) -> str:
        """``GEMINI_IMAGE_MODEL``."""
        return self.settings.gemini_image_model

    @property
    def account(self) -> str:
        """See ``account_of``."""
        return account_of(self.settings)

    @property
    def configuration(self) -> tuple[str, ...]:
        """Key, model, script and endpoint."""
        key, endpoint = credentials(self.settings)
        return key, self.model, str(self.script), endpoint

    def check(self, *, seconds: float, calls: bool = False) -> Failure | None:
        """Checks settings, then key and model with the API."""
        failure = self.setting_failure()
        return failure or check_model(self.settings, self.model, setting=_SETTING, seconds=seconds, calls=calls)

    def model_note(self, today: date) -> str:
        """See ``retirement_note``."""
        return retirement_note(self.model, setting=_SETTING, today=today)

    def quota_renewed_at(self, moment: float) -> float:
        """See ``quota``."""
        return quota_renewed_at(moment)

    @property
    def script(self) -> Path:
        """``ASSETGEN_SCRIPT``."""
        return self.settings.script

    @property
    def ratios(self) -> tuple[str, ...]:
        """The model's ratios."""
        return models.ratios_of(self.model)

    def environment(self, aspect_ratio: str) -> dict[str, str]:
        """Returns our environment with key, model, endpoint and ratio: these may come from ``.env`` instead."""
        settings, environment = self.settings, self.settings.script_environment()
        environment |= {"GEMINI_IMAGE_MODEL": self.model, "GEMINI_ASPECT_RATIO": aspect_ratio}
        if settings.gemini_api_key:
            environment["GEMINI_API_KEY"] = settings.gemini_api_key.get_secret_value()
        if settings.gemini_thinking_level:
            environment["GEMINI_THINKING_LEVEL"] = settings.gemini_thinking_level
        if settings.google_gemini_base_url:
            environment["GOOGLE_GEMINI_BASE_URL"] = settings.google_gemini_base_url
        return environment

    def setting_failure(self) -> Failure | None:
        """Returns a failure of the key, the proxy that the script would use, or the thinking level."""
        if self.settings.gemini_api_key is None:
            return missing_key()
        try:
            proxy_for(api_base(self.settings), schemes=("http",))
        except NetworkSettingError as error:
            return Failure(error.code, error.message)
        except httpx.InvalidURL:
            pass  # the script says so
        level, levels = self.settings.gemini_thinking_level, models.thinking_levels(self.model)
        if level is None or levels is None or level in levels:
            return None
        cause = f"{self.model} does not take GEMINI_THINKING_LEVEL={level}"
        remedy = f"Set GEMINI_THINKING_LEVEL to {' or '.join(levels)}" if levels else "Remove GEMINI_THINKING_LEVEL"
        return Failure(Code.CONFIGURATION, cause, remedy)

    async def takes_references(self) -> bool:
        """Returns True."""
        return True

    def list_price(self, prompt: str, *, references: int) -> float | None:
        """Returns the typical price with this model and thinking level."""
        return models.list_price(
            self.model, prompt, references=references, thinking=self.settings.gemini_thinking_level
        )

    def reserved_usd(self) -> float:
        """Returns the story's estimate, or the typical price if that is higher."""
        return max(self.settings.cost_per_image_usd, self.list_price("", references=0) or 0.0)

    def call_cost(self, report: ScriptReport, *, model: str, drawn: bool | None) -> float | None:
        """Returns the cost of the reported tokens."""
        if report.usage is None or (drawn is not False and report.usage.image_tokens <= 0):
            return None  # a picture without image tokens: the script uses other names for them
        return models.usage_cost(report.usage, report.model or model)

    def classify(self, error: CLIScriptError, report: ScriptReport, *, model: str) -> Failure:
        """Classifies Gemini's errors, from the report or from the script's plain text output."""
        read_api = api_reader(model, setting=_SETTING)
        return classify_end(error, report, read_api=read_api, read_text=read_text)

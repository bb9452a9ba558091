"""Every environment variable, typed, once.

Read from the environment and from ``.env`` in the project root; the environment wins. Nothing else in the package
reads ``os.environ`` for a setting.
"""

import os
from functools import cached_property
from pathlib import Path

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from assetgen_dagster.errors import AssetgenError

#: The folder that holds ``scripts/``, ``deploy/`` and ``.env``; relative settings start here, not where one stands.
PROJECT_ROOT = Path(__file__).resolve().parent.parent

#: The script that comes with the project; ``ASSETGEN_SCRIPT`` may name a producer's own.
OWN_SCRIPT = PROJECT_ROOT / "scripts" / "generate_asset.py"

#: Variables that a script has no business to see.
_NOT_FOR_SCRIPTS = ("NOTION_TOKEN", "ASSETGEN_POSTGRES_URL", "DAGSTER_CLOUD_API_TOKEN")


class Settings(BaseSettings):
    """The settings that this version reads.

    Attributes:
        workspace: Folder of all channels (``ASSETGEN_WORKSPACE``).
        script: The script that draws one picture (``ASSETGEN_SCRIPT``).
        image_concurrency: Scripts of one project that run at the same time.
        image_timeout_seconds: Longest time for one attempt at one picture.
        image_slots: Number of image assets, so the largest number of pictures a project can have.
        cost_per_image_usd: The story's estimate, used where the script reports no usage.
        gemini_api_key: Passed to the script through its environment, never on its command line.
        gemini_image_model: Gemini model, for the script and for prices.
        gemini_aspect_ratio: ``W:H``, for the script and for the checks.
        google_gemini_base_url: Another endpoint (tests, proxies); unset means Google's.
    """

    model_config = SettingsConfigDict(
        # Producers' scripts keep their .env beside themselves; ours may, too. The later file wins, as in the script.
        env_file=(PROJECT_ROOT / ".env", OWN_SCRIPT.with_name(".env")),
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        populate_by_name=True,
    )

    workspace: Path = Field(PROJECT_ROOT / "workspace", alias="ASSETGEN_WORKSPACE")
    script: Path = Field(OWN_SCRIPT, alias="ASSETGEN_SCRIPT")
    image_concurrency: int = Field(8, alias="ASSETGEN_IMAGE_CONCURRENCY", ge=1, le=64)
    image_timeout_seconds: float = Field(60, alias="ASSETGEN_IMAGE_TIMEOUT_SECONDS", gt=0, le=3600)
    image_slots: int = Field(22, alias="ASSETGEN_IMAGE_SLOTS", ge=1, le=99)
    cost_per_image_usd: float = Field(0.068, alias="ASSETGEN_COST_PER_IMAGE_USD", ge=0)
    gemini_api_key: SecretStr | None = Field(None, alias="GEMINI_API_KEY")
    gemini_image_model: str = Field("gemini-nano-banana-2.1", alias="GEMINI_IMAGE_MODEL", min_length=1)
    gemini_aspect_ratio: str = Field("16:9", alias="GEMINI_ASPECT_RATIO", pattern=r"^[1-9]\d?:[1-9]\d?$")
    google_gemini_base_url: str | None = Field(None, alias="GOOGLE_GEMINI_BASE_URL")

    @field_validator("workspace", "script")
    @classmethod
    def _from_project_root(cls, value: Path) -> Path:
        return PROJECT_ROOT / value.expanduser()

    @cached_property
    def aspect_ratio(self) -> float:
        """Width over height of the pictures asked for."""
        width, height = self.gemini_aspect_ratio.split(":")
        return int(width) / int(height)

    @property
    def own_script(self) -> bool:
        """Whether the project's own script draws; only of that one is known which settings it needs."""
        return self.script == OWN_SCRIPT

    def script_environment(self) -> dict[str, str]:
        """Returns the environment for the script: ours, with what ``.env`` adds, without secrets of other services."""
        environment = {name: value for name, value in os.environ.items() if name not in _NOT_FOR_SCRIPTS}
        # A foreign script prints emoji; its output goes into a file, whose encoding Python takes from the locale.
        environment.setdefault("PYTHONIOENCODING", "utf-8:replace")
        environment["GEMINI_IMAGE_MODEL"] = self.gemini_image_model
        environment["GEMINI_ASPECT_RATIO"] = self.gemini_aspect_ratio
        if self.gemini_api_key:
            environment["GEMINI_API_KEY"] = self.gemini_api_key.get_secret_value()
        if self.google_gemini_base_url:
            environment["GOOGLE_GEMINI_BASE_URL"] = self.google_gemini_base_url
        return environment


def load_settings() -> Settings:
    """Returns the settings in force.

    Raises:
        AssetgenError: A setting cannot be used; the message names each one, its value's fault, and nothing secret.
    """
    try:
        return Settings()
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in error.errors()
        )
        raise AssetgenError(f"Settings that cannot be used (environment or .env): {faults}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise AssetgenError(f"The .env file cannot be read: {error}. Save it as UTF-8 text.") from None


def default_environment() -> dict[str, str]:
    """Returns every setting that has a default as an environment variable with it."""
    fields = Settings.model_fields.values()
    return {field.alias: str(field.default) for field in fields if field.alias and field.default is not None}

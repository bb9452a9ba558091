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
from assetgen_dagster.notion.settings import PROPERTY_SETTINGS, NotionSettings, split_names

#: The folder that holds ``scripts/``, ``deploy/`` and ``.env``; relative settings start here, not where one stands.
PROJECT_ROOT = Path(__file__).resolve().parent.parent

#: The script that comes with the project; ``ASSETGEN_SCRIPT`` may name a producer's own.
OWN_SCRIPT = PROJECT_ROOT / "scripts" / "generate_asset.py"

#: Names another ``.env``, or ``none``: the demo and the tests must not act on a producer's own settings.
ENV_FILE_VARIABLE = "ASSETGEN_ENV_FILE"

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
        notion_token: The integration's secret; without it Notion is left alone.
        notion_database_id: The task board.
        notion_base_url: Another endpoint (tests, proxies); unset means Notion's.
        notion_property_channel: Name of the column, as all that follow; see ``NotionSettings``.
        notion_property_topic: What the video is about.
        notion_property_story_direction: What happens in it.
        notion_property_status: Starts the work, and tells how it ended.
        notion_property_error_log: Why it failed.
        notion_property_project_id: Optional; without it the page's id is the project's.
        notion_property_cost: Optional; what the project cost so far.
        notion_property_run: Optional; the last finished run.
        notion_property_regenerate: Optional; "All" or "Missing or changed", for one run.
        notion_property_redraw: Optional; not read yet.
        notion_status_trigger: The statuses that ask for pictures, with commas between them.
        notion_status_ready: All pictures are there.
        notion_status_error: They are not.
        notion_status_drawing: Optional; not written yet.
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
    notion_token: SecretStr | None = Field(None, alias="NOTION_TOKEN")
    notion_database_id: str | None = Field(None, alias="NOTION_DATABASE_ID")
    notion_base_url: str | None = Field(None, alias="NOTION_BASE_URL")
    notion_property_channel: str = Field("Channel", alias="NOTION_PROPERTY_CHANNEL")
    notion_property_topic: str = Field("Topic", alias="NOTION_PROPERTY_TOPIC")
    notion_property_story_direction: str = Field("Story Direction", alias="NOTION_PROPERTY_STORY_DIRECTION")
    notion_property_status: str = Field("Status", alias="NOTION_PROPERTY_STATUS")
    notion_property_error_log: str = Field("Error Log", alias="NOTION_PROPERTY_ERROR_LOG")
    notion_property_project_id: str = Field("Project ID", alias="NOTION_PROPERTY_PROJECT_ID")
    notion_property_cost: str = Field("Cost (USD)", alias="NOTION_PROPERTY_COST")
    notion_property_run: str = Field("Run", alias="NOTION_PROPERTY_RUN")
    notion_property_regenerate: str = Field("Regenerate", alias="NOTION_PROPERTY_REGENERATE")
    notion_property_redraw: str = Field("Redraw", alias="NOTION_PROPERTY_REDRAW")
    notion_status_trigger: str = Field("Generating Assets,Assets Generating", alias="NOTION_STATUS_TRIGGER")
    notion_status_ready: str = Field("Assets Ready", alias="NOTION_STATUS_READY")
    notion_status_error: str = Field("Asset Error", alias="NOTION_STATUS_ERROR")
    notion_status_drawing: str | None = Field(None, alias="NOTION_STATUS_DRAWING")

    @field_validator("workspace", "script")
    @classmethod
    def _from_project_root(cls, value: Path) -> Path:
        return PROJECT_ROOT / value.expanduser()

    def notion(self) -> NotionSettings | None:
        """Returns what the task board needs to know; None where Notion is not set up."""
        return self.notion_for(self.notion_database_id) if self.notion_database_id is not None else None

    def notion_for(self, database_id: str) -> NotionSettings | None:
        """Returns the same for another database, be it one that is still to be made; None without a token."""
        if self.notion_token is None:
            return None
        return NotionSettings(
            token=self.notion_token,
            database_id=database_id,
            base_url=self.notion_base_url,
            **{role: getattr(self, f"notion_property_{role}") for role in PROPERTY_SETTINGS},
            status_trigger=split_names(self.notion_status_trigger),
            status_ready=self.notion_status_ready,
            status_error=self.notion_status_error,
            status_drawing=self.notion_status_drawing,
        )

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
    env_file = os.environ.get(ENV_FILE_VARIABLE)
    try:
        if env_file is None:
            return Settings()
        return Settings(_env_file=None if env_file == "none" else PROJECT_ROOT / env_file)
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

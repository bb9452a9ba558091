"""All settings: every environment variable, typed.

Read from the environment and from ``.env`` in the project root; the environment wins. No other module reads
``os.environ`` for a setting.
"""

import os
import re
from enum import StrEnum
from pathlib import Path
from typing import Self, get_args
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, JsonValue, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from assetgen_dagster.errors import AssetgenError, Code
from assetgen_dagster.support.database import clean_url, password_of
from assetgen_dagster.support.env_file import check_env_file
from assetgen_dagster.support.hosts import Authority, read_authority
from assetgen_dagster.support.setting_errors import setting_error_message
from assetgen_dagster.support.text import is_web_address

#: The folder with ``scripts/``, ``deploy/`` and ``.env``. Relative paths in settings start here.
PROJECT_ROOT = Path(__file__).resolve().parent.parent

#: The script that comes with the project; ``ASSETGEN_SCRIPT`` may name a producer's own.
OWN_SCRIPT = PROJECT_ROOT / "scripts" / "generate_asset.py"

#: Names another ``.env``, or ``none``: the demo and the tests must not use a producer's settings.
ENV_FILE_VARIABLE = "ASSETGEN_ENV_FILE"

#: A script may keep its .env beside itself, as producers' scripts do. The later file wins, as in the script.
_ENV_FILES = (PROJECT_ROOT / ".env", OWN_SCRIPT.with_name(".env"))

#: The value that disables an optional setting.
NONE = "none"

#: Width to height.
ASPECT_RATIO = r"^[1-9]\d?:[1-9]\d?$"

#: An owner as Dagster accepts it: an e-mail address, or a team.
_OWNER = re.compile(r"team:[A-Za-z0-9][A-Za-z0-9 ._-]*|[A-Za-z0-9][A-Za-z0-9._%+-]*@[A-Za-z0-9.-]+\.[A-Za-z]{2,7}")

#: Secrets of other programs that a script must not see.
_FOREIGN_SECRETS = frozenset({"DAGSTER_CLOUD_API_TOKEN"})


class ThinkingLevel(StrEnum):
    """How much an image model thinks before it draws, by the API's names; few models take all."""

    MINIMAL = "minimal"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Machines(StrEnum):
    """Where runs are carried out: decides which lock keeps two of them off one project."""

    ONE = "one"
    SEVERAL = "several"


def _is_broker(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return parts.scheme in {"redis", "rediss"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False  # for example a port that is not a number


def needed_by(what: str) -> dict[str, JsonValue]:
    """Marks a setting without a default that a feature requires, for ``docs/settings.md``."""
    return {"needed_by": what}


class Settings(BaseSettings):
    """The settings; the docstring of each is its line in ``docs/settings.md`` (``make docs``)."""

    model_config = SettingsConfigDict(
        env_file=_ENV_FILES,
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        populate_by_name=True,
        use_attribute_docstrings=True,
    )

    workspace: Path = Field(PROJECT_ROOT / "workspace", alias="ASSETGEN_WORKSPACE")
    """Folder of all channels and projects. Created if missing."""

    script: Path = Field(OWN_SCRIPT, alias="ASSETGEN_SCRIPT")
    """The program that draws one picture; see below."""

    channels_file: Path | None = Field(None, alias="ASSETGEN_CHANNELS_FILE")
    """The file that [names the channels](#channels). Not set: `channels.toml` in the project's folder, if it exists.
    `none`: no file, any channel."""

    image_concurrency: int = Field(8, alias="ASSETGEN_IMAGE_CONCURRENCY", ge=1, le=64)
    """Scripts of one project that run at the same time, 1 to 64."""

    image_timeout_seconds: float = Field(180, alias="ASSETGEN_IMAGE_TIMEOUT_SECONDS", gt=0, le=3600)
    """Time limit of one call of the script, up to 3600. A script that takes longer is killed, and its call is listed as
    possibly billed; the default model usually takes 16 to 40 s, at times far longer."""

    image_slots: int = Field(22, alias="ASSETGEN_IMAGE_SLOTS", ge=1, le=99)
    """Number of image assets, and thus the most pictures that a project can have, 1 to 99."""

    cost_per_image_usd: float = Field(0.068, alias="ASSETGEN_COST_PER_IMAGE_USD", ge=0)
    """Cost counted for a picture if the script reports no usage, or the model's price is unknown."""

    requests_per_minute: int | None = Field(None, alias="ASSETGEN_REQUESTS_PER_MINUTE", ge=1, le=100_000)
    """Calls a minute that all runs together may make with the key, retries included; see [the
    limit](operating.md#requests-a-minute). Not set: no limit."""

    monthly_budget_usd: float | None = Field(None, alias="ASSETGEN_MONTHLY_BUDGET_USD", ge=0, allow_inf_nan=False)
    """Limit for all channels together in a calendar month; see [the budget](operating.md#budget). Not set: no limit."""

    timezone: str | None = Field(None, alias="ASSETGEN_TIMEZONE")
    """Time zone of times in messages and of the months of costs and budgets, such as `Europe/Berlin`. Not set: the
    machine's."""

    gemini_api_key: SecretStr | None = Field(
        None,
        alias="GEMINI_API_KEY",
        json_schema_extra=needed_by("drawing with the project's own script, `ASSETGEN_STORY_MODEL`"),
    )
    """Key of the Gemini API. Passed to the script by its environment, never on its command line. A script named by
    `ASSETGEN_SCRIPT` may have its own."""

    gemini_image_model: str = Field("gemini-nano-banana-2.1", alias="GEMINI_IMAGE_MODEL", min_length=1)
    """Image model. Its price counts, unless the script reports another model."""

    gemini_aspect_ratio: str = Field("16:9", alias="GEMINI_ASPECT_RATIO", pattern=ASPECT_RATIO)
    """Width to height of the pictures, such as `16:9` or `1:1`, unless the channel has its own. Passed to the script;
    the check `pictures_aspect_ratio` compares with it."""

    gemini_thinking_level: ThinkingLevel | None = Field(None, alias="GEMINI_THINKING_LEVEL")
    """How much the image model thinks before it draws: `minimal`, `low`, `medium` or `high`; see [thinking](#thinking).
    Passed to the script. Not set: the model's own default."""

    story_model: str | None = Field(None, alias="ASSETGEN_STORY_MODEL", pattern=r"^(models/)?[A-Za-z0-9._-]+$")
    """A Gemini text model, such as `gemini-3.8-flash`, that [writes the prompts](#a-language-model-for-the-prompts)
    from topic and story direction. Not set: tables of words do so, at no cost."""

    story_timeout_seconds: float = Field(120, alias="ASSETGEN_STORY_TIMEOUT_SECONDS", gt=0, le=3600)
    """Time limit of one question to that model, up to 3600."""

    google_gemini_base_url: str | None = Field(None, alias="GOOGLE_GEMINI_BASE_URL")
    """Endpoint in place of Google's: a proxy, or the emulator."""

    postgres_url: SecretStr | None = Field(
        None, alias="ASSETGEN_POSTGRES_URL", json_schema_extra=needed_by("`ASSETGEN_MACHINES=several`")
    )
    """Database for Dagster's runs, events and schedules, such as `postgresql://user:password@host:5432/database` (also
    `postgres://`, `postgresql+psycopg2://`; special characters as `%XX`). Not set: SQLite files; see
    [PostgreSQL](operating.md#postgresql)."""

    machines: Machines = Field(Machines.ONE, alias="ASSETGEN_MACHINES")
    """`several` if more than one machine carries out runs: a project's lock is then held in PostgreSQL, so
    `ASSETGEN_POSTGRES_URL` is required."""

    log_days: int = Field(90, alias="ASSETGEN_LOG_DAYS", ge=1, le=36_500)
    """Days for which the output of runs is kept; see [what grows](operating.md#what-grows)."""

    broker_url: SecretStr | None = Field(None, alias="ASSETGEN_BROKER_URL")
    """Redis from which Celery workers on several machines take runs, such as `redis://:password@host:6379/0`; see
    [several machines](deploy.md#several-machines). Requires `ASSETGEN_MACHINES=several`."""

    ui_url: str | None = Field(None, alias="ASSETGEN_UI_URL")
    """Address at which people reach the Dagster UI, such as `https://dagster.example.org`; a row's `Run` links there.
    Not set: `make dev` uses its own address on this machine."""

    ui_host_names: str | None = Field(None, alias="ASSETGEN_UI_HOSTS")
    """Further names that the UI answers to, separated by commas, such as `webserver:3000`: those that [a proxy before
    it](deploy.md#a-proxy-before-the-ui) asks for. Not needed: IP addresses, `localhost`, and the host of
    `ASSETGEN_UI_URL`."""

    owner: str | None = Field(None, alias="ASSETGEN_OWNER")
    """Owner of the assets: a team, such as `team:pictures`, or an e-mail address. The Dagster UI shows it with every
    asset and finds assets by it."""

    notion_token: SecretStr | None = Field(None, alias="NOTION_TOKEN", json_schema_extra=needed_by("rows in Notion"))
    """Secret of the Notion integration. Without it, or without `NOTION_DATABASE_ID`, Notion is not used."""

    notion_database_id: str | None = Field(
        None, alias="NOTION_DATABASE_ID", json_schema_extra=needed_by("rows in Notion")
    )
    """Id of the database, or the link to it; if it has several data sources, the id of one of them."""

    notion_base_url: str | None = Field(None, alias="NOTION_BASE_URL")
    """Endpoint in place of Notion's: a proxy, or the emulator."""

    notion_property_channel: str = Field("Channel", alias="NOTION_PROPERTY_CHANNEL")
    """Property with the channel. Like every property that is only read, it may be of almost any type."""

    notion_property_topic: str = Field("Topic", alias="NOTION_PROPERTY_TOPIC")
    """Property with the subject of the video."""

    notion_property_story_direction: str = Field("Story Direction", alias="NOTION_PROPERTY_STORY_DIRECTION")
    """Property with the course of events."""

    notion_property_status: str = Field("Status", alias="NOTION_PROPERTY_STATUS")
    """Property of type status or select."""

    notion_property_error_log: str = Field("Error Log", alias="NOTION_PROPERTY_ERROR_LOG")
    """Property of type text: the reason of a failure."""

    notion_property_project_id: str = Field("Project ID", alias="NOTION_PROPERTY_PROJECT_ID")
    """Optional property with the project. If missing or empty, the project is the page's id without dashes."""

    notion_property_cost: str = Field("Cost (USD)", alias="NOTION_PROPERTY_COST")
    """Optional property of type number: the cost of all runs of the project."""

    notion_property_pictures: str = Field("Pictures", alias="NOTION_PROPERTY_PICTURES")
    """Optional property of type number: how many of the project's pictures exist."""

    notion_property_run: str = Field("Run", alias="NOTION_PROPERTY_RUN")
    """Optional property of type text or URL: the last finished run, as a link if `ASSETGEN_UI_URL` is set."""

    notion_property_regenerate: str = Field("Regenerate", alias="NOTION_PROPERTY_REGENERATE")
    """Optional property of type select, multi-select, text or checkbox: `All` (or ticked) or `Missing or changed`, for
    one run; emptied afterwards."""

    notion_property_redraw: str = Field("Redraw", alias="NOTION_PROPERTY_REDRAW")
    """Optional property of type text, select or multi-select: pictures to [draw
    again](operating.md#drawing-single-pictures-again), such as `5, 13, env_cave`; emptied afterwards."""

    notion_property_redraw_remark: str = Field("Redraw Remark", alias="NOTION_PROPERTY_REDRAW_REMARK")
    """Optional property of the same types: what should be different about them, such as `less golden light`; emptied
    afterwards."""

    notion_status_trigger: str = Field("Generating Assets,Assets Generating", alias="NOTION_STATUS_TRIGGER")
    """Statuses that request pictures, separated by commas. At least one of them must be an option; reports name the
    first."""

    notion_status_ready: str = Field("Assets Ready", alias="NOTION_STATUS_READY")
    """Status of a row whose pictures are complete."""

    notion_status_error: str = Field("Asset Error", alias="NOTION_STATUS_ERROR")
    """Status of a row that failed."""

    notion_status_budget: str | None = Field(None, alias="NOTION_STATUS_BUDGET")
    """Optional status of a row that waits for room in the [monthly budget](operating.md#budget). Not set:
    `NOTION_STATUS_ERROR`."""

    notion_status_drawing: str | None = Field(None, alias="NOTION_STATUS_DRAWING")
    """Optional status of a row whose run is drawing. Set when the run starts."""

    notion_review_sheet: bool = Field(default=True, alias="NOTION_REVIEW_SHEET")
    """Whether the page of a ready row gets the [review sheet](operating.md#review-sheet)."""

    @field_validator("workspace", "script")
    @classmethod
    def _from_project_root(cls, value: Path) -> Path:
        return PROJECT_ROOT / value.expanduser()

    @field_validator("gemini_thinking_level", mode="before")
    @classmethod
    def _in_lower_case(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("channels_file")
    @classmethod
    def _from_project_root_unless_none(cls, value: Path | None) -> Path | None:
        return value if value in {None, Path(NONE)} else PROJECT_ROOT / value.expanduser()

    @field_validator("postgres_url")
    @classmethod
    def _clean(cls, value: SecretStr | None) -> SecretStr | None:
        return None if value is None else SecretStr(clean_url(value.get_secret_value()))

    @field_validator("broker_url")
    @classmethod
    def _is_redis(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not _is_broker(value.get_secret_value()):
            raise ValueError(
                "has to be of the form redis://HOST:PORT/0, with :PASSWORD@ before HOST (special ones as %XX)"
            )
        return value

    @model_validator(mode="after")
    def _check_machines(self) -> Self:
        if self.machines is Machines.SEVERAL and self.postgres_url is None:
            raise ValueError("ASSETGEN_MACHINES=several takes ASSETGEN_POSTGRES_URL")
        if self.broker_url is not None and self.machines is not Machines.SEVERAL:
            raise ValueError("ASSETGEN_BROKER_URL takes ASSETGEN_MACHINES=several")
        return self

    @property
    def database(self) -> str | None:
        """The URL of PostgreSQL, with its password; None for SQLite."""
        return None if self.postgres_url is None else self.postgres_url.get_secret_value()

    @property
    def broker(self) -> str | None:
        """The URL of Redis, with its password; None without Celery workers."""
        return None if self.broker_url is None else self.broker_url.get_secret_value()

    def secrets(self) -> tuple[SecretStr | str | None, ...]:
        """Returns everything that must not be shown."""
        database = password_of(self.database) if self.database else None
        broker = unquote(urlsplit(self.broker).password or "") if self.broker else None
        return (*(value for _, value in self if isinstance(value, SecretStr)), database, broker)

    @field_validator("ui_url")
    @classmethod
    def _is_web_address(cls, value: str | None) -> str | None:
        if value is not None and not is_web_address(value):
            raise ValueError("give the address of the Dagster UI, such as https://dagster.example.org")
        return value and value.rstrip("/")

    @field_validator("ui_host_names")
    @classmethod
    def _are_hosts(cls, value: str | None) -> str | None:
        for name in (value or "").split(","):
            if name.strip() and read_authority(name.strip()) is None:
                raise ValueError("give names of hosts, such as webserver or webserver:3000, separated by commas")
        return value

    @property
    def ui_hosts(self) -> frozenset[Authority]:
        """The hosts that the UI answers to besides this machine and IP addresses."""
        named = [name.strip() for name in (self.ui_host_names or "").split(",")]
        url = urlsplit(self.ui_url or "")
        return frozenset(filter(None, map(read_authority, [*named, url.netloc])))

    @field_validator("owner")
    @classmethod
    def _is_owner(cls, value: str | None) -> str | None:
        if value is not None and not _OWNER.fullmatch(value):
            raise ValueError(f"give a team, such as team:pictures, or an e-mail address; {value!r} is neither")
        return value

    @field_validator("timezone")
    @classmethod
    def _is_timezone(cls, value: str | None) -> str | None:
        try:
            ZoneInfo(value or "UTC")
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"{value!r} is not a time zone such as Europe/Berlin") from None
        return value

    @property
    def zone(self) -> ZoneInfo | None:
        """The operator's time zone; None for the machine's."""
        return ZoneInfo(self.timezone) if self.timezone else None

    def script_environment(self) -> dict[str, str]:
        """Returns our environment without secrets; a provider adds its own settings."""
        fields = type(self).model_fields.values()
        hidden = {field.alias for field in fields if SecretStr in get_args(field.annotation)} | _FOREIGN_SECRETS
        environment = {name: value for name, value in os.environ.items() if name not in hidden}
        # Scripts print emoji, and Python derives the encoding of their output file from the locale.
        environment.setdefault("PYTHONIOENCODING", "utf-8:replace")
        return environment


def load_settings() -> Settings:
    """Returns the settings in force.

    Raises:
        AssetgenError: A setting is invalid; the message names each one and what is wrong, without secrets.
    """
    try:
        files = env_files()
        for file in files:
            check_env_file(file)
        return Settings(_env_file=files)
    except ValidationError as error:
        faults = "; ".join(map(setting_error_message, error.errors()))
        raise AssetgenError(
            f"Settings that cannot be used (environment or .env): {faults}", code=Code.SETTINGS
        ) from None


def env_files() -> tuple[Path, ...]:
    """Returns the files that settings are read from; the later file wins.

    Raises:
        AssetgenError: The file named by ``ASSETGEN_ENV_FILE`` does not exist.
    """
    named = os.environ.get(ENV_FILE_VARIABLE)
    if not named or named == NONE:
        return () if named else _ENV_FILES
    path = PROJECT_ROOT / Path(named).expanduser()
    if not path.is_file():
        text = f"{ENV_FILE_VARIABLE} names {path}, which is not a file. Name an existing file, or {NONE} for no file."
        raise AssetgenError(text, code=Code.ENV_FILE)
    return (path,)


def default_environment() -> dict[str, str]:
    """Returns every setting as an environment variable with its default; empty means not set."""
    fields = Settings.model_fields.values()
    return {field.alias: "" if field.default is None else str(field.default) for field in fields if field.alias}

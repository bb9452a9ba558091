"""The protocols of a provider: a paid API for pictures or texts.

A script draws each picture in its own process: a call survives the run that made it, and ends at its time limit. A
script takes ``--prompt``, ``--output`` and, if it takes references, ``--reference-image``; ``script_report`` describes
what it may print.
"""

from datetime import date
from pathlib import Path
from typing import ClassVar, Protocol, Self

from assetgen_dagster.providers.cli_script import CLIScriptError
from assetgen_dagster.providers.failures import Failure
from assetgen_dagster.providers.script_report import ScriptReport
from assetgen_dagster.settings import Settings


class Provider(Protocol):
    """A paid model.

    Attributes:
        name: For people.
        checkable: Whether ``check`` is supported.
    """

    name: ClassVar[str]
    checkable: ClassVar[bool]

    @property
    def model(self) -> str:
        """The model. Recorded with each picture: a change of model makes pictures out of date."""

    @property
    def account(self) -> str:
        """The owner of daily quota and request limit, such as the key. Secret."""

    @property
    def configuration(self) -> tuple[str, ...]:
        """The settings that an operator changes to fix key, model or endpoint. Secret."""

    def check(self, *, seconds: float, calls: bool = False) -> Failure | None:
        """Returns a failure of key, endpoint or model, or None; costs nothing. Only if ``checkable``.

        Args:
            seconds: Time limit.
            calls: Whether to send a call as well that the API must reject, since an existing model may refuse all.
        """

    def model_note(self, today: date) -> str:
        """Returns what an operator should know about the model, such as its retirement; empty if nothing."""

    def quota_renewed_at(self, moment: float) -> float:
        """Returns when a daily quota that was used up at ``moment`` is renewed; both Unix times."""


class ImageProvider(Provider, Protocol):
    """A provider that draws pictures."""

    @classmethod
    def chosen_by(cls, settings: Settings) -> Self | None:
        """Returns this provider if the settings choose it, else None."""

    @property
    def script(self) -> Path:
        """The program that draws one picture."""

    @property
    def ratios(self) -> tuple[str, ...]:
        """The aspect ratios that the model draws, ``W:H`` as the script takes them."""

    def environment(self, aspect_ratio: str) -> dict[str, str]:
        """Returns the script's whole environment for a picture of this ratio."""

    def setting_failure(self) -> Failure | None:
        """Returns the failure of a required setting that is missing or cannot be used, or None; makes no request."""

    async def takes_references(self) -> bool:
        """Returns whether the script takes reference pictures.

        Raises:
            AssetgenError: The script does not say.
        """

    def list_price(self, prompt: str, *, references: int) -> float | None:
        """Returns the typical price of a picture in USD, or None if unknown.

        Args:
            prompt: The combined prompt.
            references: Number of reference pictures.
        """

    def reserved_usd(self) -> float:
        """Returns the amount that a monthly budget reserves for one picture, in USD."""

    def call_cost(self, report: ScriptReport, *, model: str, drawn: bool | None) -> float | None:
        """Returns the cost of a call in USD according to the script's report, or None if the report has no usage.

        Args:
            report: The script's report.
            model: The model that the call was recorded with.
            drawn: Whether there is a picture; None if one may have been drawn and lost.
        """

    def classify(self, error: CLIScriptError, report: ScriptReport, *, model: str) -> Failure:
        """Returns the failure behind a script's end.

        Args:
            error: Exit code and output.
            report: The script's report.
            model: The model that the call was recorded with.
        """

"""What a provider is: somebody who is paid, by a key, for pictures or texts.

Every picture is drawn by a script, a program of its own: a call outlives the run that made it, and ends with its time
limit. A script takes ``--prompt``, ``--output`` and, if it takes references, ``--reference-image``; what else it may
print is in ``script_report``.
"""

from pathlib import Path
from typing import ClassVar, Protocol, Self

from assetgen_dagster.providers.cli_script import CLIScriptError
from assetgen_dagster.providers.failures import Failure
from assetgen_dagster.providers.script_report import ScriptReport
from assetgen_dagster.settings import Settings


class Provider(Protocol):
    """A model that is paid for, by a key.

    Attributes:
        name: For people.
        checkable: Whether ``check`` can be asked.
    """

    name: ClassVar[str]
    checkable: ClassVar[bool]

    @property
    def model(self) -> str:
        """The model that is asked. Recorded with each picture; another model makes it stale."""

    @property
    def account(self) -> str:
        """What daily quota and requests a minute are counted for, such as the key. Secret."""

    @property
    def configuration(self) -> tuple[str, ...]:
        """The settings that an operator changes to mend key, model or endpoint. Secret."""

    def check(self, *, seconds: float) -> Failure | None:
        """Returns what is wrong with key, endpoint or model, or None; costs nothing. Only where ``checkable``.

        Args:
            seconds: The longest it may take.
        """

    def quota_renewed_at(self, moment: float) -> float:
        """Returns when to try again after a daily quota was used up at ``moment``; both Unix times."""


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

    def missing_setting(self) -> Failure | None:
        """Returns the failure of a setting without which no picture can be drawn; asks nobody."""

    async def takes_references(self) -> bool:
        """Returns whether the script takes reference pictures.

        Raises:
            AssetgenError: That cannot be found out.
        """

    def list_price(self, prompt: str, *, references: int) -> float | None:
        """Returns the list price of a picture in USD, or None if it is not known.

        Args:
            prompt: The combined prompt.
            references: Number of reference pictures.
        """

    def reserved_usd(self) -> float:
        """Returns what a monthly budget reserves for one picture, in USD."""

    def call_cost(self, report: ScriptReport, *, model: str, drawn: bool | None) -> float | None:
        """Returns what a call cost in USD by what its script reported, or None if the report does not tell.

        Args:
            report: What the script printed.
            model: The model that the call was recorded with.
            drawn: Whether there is a picture; None if one may have been drawn and lost.
        """

    def classify(self, error: CLIScriptError, report: ScriptReport, *, model: str) -> Failure:
        """Returns the failure behind a script's end.

        Args:
            error: The script's end.
            report: What the script printed.
            model: The model that the call was recorded with.
        """

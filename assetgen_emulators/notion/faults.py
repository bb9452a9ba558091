"""The faults that the Notion emulator can be asked for; ``saved`` carries the request out all the same."""

from collections.abc import Callable
from dataclasses import field
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter
from pydantic.dataclasses import dataclass

from assetgen_emulators.core import faults
from assetgen_emulators.core.faults import STRICT, Rule

_CODES = {
    400: "validation_error",
    401: "unauthorized",
    403: "restricted_resource",
    404: "object_not_found",
    409: "conflict_error",
    429: "rate_limited",
    500: "internal_server_error",
    502: "bad_gateway",
    503: "service_unavailable",
    504: "gateway_timeout",
    529: "service_overload",
}


@dataclass(frozen=True, config=STRICT)
class ApiError:
    """An error status with the API's JSON body.

    Attributes:
        status: HTTP status.
        code: Notion's name for it; the usual one for the status unless given.
        message: What Notion says.
        retry_after: The header's value.
        additional_data: As it stands in the body.
        saved: Whether the request is carried out all the same.
    """

    status: int
    code: str | None = None
    message: str = "The emulator was asked to fail."
    retry_after: str | None = None
    additional_data: dict[str, Any] = field(default_factory=dict)
    saved: bool = False
    kind: Literal["api_error"] = "api_error"

    @property
    def usual_code(self) -> str:
        """The code that is sent."""
        return self.code or _CODES.get(self.status, "internal_server_error")


@dataclass(frozen=True, config=STRICT)
class EmptyBody:
    """A status without a body."""

    status: int = 200
    saved: bool = False
    kind: Literal["empty_body"] = "empty_body"


@dataclass(frozen=True, config=STRICT)
class OddJson:
    """A 200 with JSON that does not answer the request, as something between client and API may send."""

    body: dict[str, Any] = field(default_factory=dict)
    saved: bool = False
    kind: Literal["odd_json"] = "odd_json"


@dataclass(frozen=True, config=STRICT)
class HtmlPage(faults.HtmlPage):  # noqa: D101 - as there, and so are the next six
    saved: bool = False


@dataclass(frozen=True, config=STRICT)
class TornBody(faults.TornBody):  # noqa: D101
    saved: bool = True


@dataclass(frozen=True, config=STRICT)
class Endless(faults.Endless):  # noqa: D101
    saved: bool = True


@dataclass(frozen=True, config=STRICT)
class Drip(faults.Drip):  # noqa: D101
    saved: bool = True


@dataclass(frozen=True, config=STRICT)
class Reset(faults.Reset):  # noqa: D101
    saved: bool = False


@dataclass(frozen=True, config=STRICT)
class Hang(faults.Hang):  # noqa: D101
    saved: bool = False


@dataclass(frozen=True, config=STRICT)
class Delay(faults.Delay):  # noqa: D101
    saved: bool = True


AnyAction = ApiError | HtmlPage | EmptyBody | OddJson | TornBody | Endless | Drip | Reset | Hang | Delay
Action = Annotated[AnyAction, Field(discriminator="kind")]


def blocked() -> ApiError:
    """Returns the 429 of a blocked integration, which does not end by waiting."""
    reason = {"rate_limit_reason": "public_api_request_blocked"}
    return ApiError(429, message="This integration is blocked.", retry_after="1", additional_data=reason)


@dataclass(frozen=True, config=STRICT)
class Fault(Rule):
    """One rule of a plan: ``Fault(ApiError(503), endpoint="pages.update", nth=2)``.

    ``nth`` and ``after`` count the calls that fit, since the plan was made.

    Attributes:
        action: What happens.
        endpoint: Only to calls of this name.
    """

    action: Action
    endpoint: str | None = None


#: Reads a plan, ``[{"endpoint": "pages.update", "action": {"kind": "api_error", "status": 503}}]``, or raises a
#: ValidationError.
faults_from_json: Callable[[str | bytes], list[Fault]] = TypeAdapter(list[Fault]).validate_json

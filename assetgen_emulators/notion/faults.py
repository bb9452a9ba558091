"""What the Notion emulator is told to do wrong.

How a fault is carried out is the subject of ``notion``; here is only what can be asked for.
"""

from dataclasses import field
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter
from pydantic.dataclasses import dataclass

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
class HtmlPage:
    """A page of something between client and API."""

    status: int = 502
    title: str = "502 Bad Gateway"
    saved: bool = False
    kind: Literal["html_page"] = "html_page"


@dataclass(frozen=True, config=STRICT)
class EmptyBody:
    """A status without a body."""

    status: int = 200
    saved: bool = False
    kind: Literal["empty_body"] = "empty_body"


@dataclass(frozen=True, config=STRICT)
class OddJson:
    """A 200 with JSON that is no answer to what was asked, such as something between client and API may send."""

    body: dict[str, Any] = field(default_factory=dict)
    saved: bool = False
    kind: Literal["odd_json"] = "odd_json"


@dataclass(frozen=True, config=STRICT)
class TornBody:
    """The right answer, whose connection closes after a part of it."""

    keep: float = 0.5
    saved: bool = True
    kind: Literal["torn_body"] = "torn_body"


@dataclass(frozen=True, config=STRICT)
class Drip:
    """The right answer, a few bytes at a time."""

    seconds: float
    saved: bool = True
    kind: Literal["drip"] = "drip"


@dataclass(frozen=True, config=STRICT)
class Reset:
    """Resets the connection before the first byte of an answer."""

    saved: bool = False
    kind: Literal["reset"] = "reset"


@dataclass(frozen=True, config=STRICT)
class Hang:
    """Never answers, until the client goes away or the server stops."""

    saved: bool = False
    kind: Literal["hang"] = "hang"


@dataclass(frozen=True, config=STRICT)
class Delay:
    """Succeeds, later."""

    seconds: float
    saved: bool = True
    kind: Literal["delay"] = "delay"


AnyAction = ApiError | HtmlPage | EmptyBody | OddJson | TornBody | Drip | Reset | Hang | Delay
Action = Annotated[AnyAction, Field(discriminator="kind")]


def blocked() -> ApiError:
    """Returns the 429 that waiting does not help against."""
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


_FAULTS: TypeAdapter[list[Fault]] = TypeAdapter(list[Fault])


def faults_from_json(text: str | bytes) -> list[Fault]:
    """Reads a plan: ``[{"endpoint": "pages.update", "action": {"kind": "api_error", "status": 503}}]``.

    Raises:
        pydantic.ValidationError: It is no plan.
    """
    return _FAULTS.validate_json(text)

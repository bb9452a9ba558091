"""Monthly limits: compares spent and reserved money with them, and formats the result. Pure functions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from assetgen_dagster.budget.messages import format_moment
from assetgen_dagster.settings import Settings
from assetgen_dagster.support.months import month_bounds, month_of

#: Sums of dollars that differ by less are the same.
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Claim:
    """A project's part of a month's money.

    Attributes:
        channel: The project's channel.
        spent_usd: Cost of this month's calls, including possibly billed ones.
        reserved_usd: What its current run may still spend.
    """

    channel: str
    spent_usd: float
    reserved_usd: float = 0.0


@dataclass(frozen=True)
class Limits:
    """The limits of a calendar month, in USD.

    Attributes:
        overall: Limit of all channels together; None for no limit.
        channels: Limits of single channels.
    """

    overall: float | None = None
    channels: Mapping[str, float] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.overall is not None or bool(self.channels)


@dataclass(frozen=True)
class Refusal:
    """A limit that a run would exceed.

    Attributes:
        channel: The channel with the limit; empty for the limit of all channels.
        limit_usd: The limit.
        spent_usd: Spent this month, including possibly billed calls.
        reserved_usd: What current runs may still spend.
        asked_usd: What the run asks for.
    """

    channel: str
    limit_usd: float
    spent_usd: float
    reserved_usd: float
    asked_usd: float


def refusal(claims: Iterable[Claim], limits: Limits, channel: str, asked_usd: float) -> Refusal | None:
    """Returns the limit that a channel's run would exceed; None if there is none."""
    given = list(claims)
    concerned = [
        (channel, limits.channels.get(channel), [claim for claim in given if claim.channel == channel]),
        ("", limits.overall, given),
    ]
    for whose, limit, theirs in concerned:
        spent = sum(claim.spent_usd for claim in theirs)
        reserved = sum(claim.reserved_usd for claim in theirs)
        if limit is not None and spent + reserved + asked_usd > limit + _ROUNDING:
            return Refusal(whose, limit, spent, reserved, asked_usd)
    return None


def budget_message(claims: Iterable[Claim], limits: Limits, month: str) -> str:
    """Returns how much of each limit is spent and reserved in a month."""
    given = list(claims)
    concerned = [] if limits.overall is None else [("all channels together", limits.overall, given)]
    for name, limit in sorted(limits.channels.items()):
        concerned.append((name, limit, [claim for claim in given if claim.channel == name]))
    text = []
    for whose, limit, theirs in concerned:
        reserved = sum(claim.reserved_usd for claim in theirs)
        more = f" and ${reserved:.2f} reserved" if reserved > _ROUNDING else ""
        text.append(f"{whose} ${sum(claim.spent_usd for claim in theirs):.2f}{more} of ${limit:.2f}")
    return f"Spent in {month}: {'; '.join(text)}."


def refusal_message(refused: Refusal, settings: Settings, *, now: float) -> str:
    """Returns the figures: asked, spent, reserved, limit, and the end of the month."""
    month = month_of(now, settings.zone)
    whose = f"channel {refused.channel}" if refused.channel else "all channels together"
    reserved = f" and ${refused.reserved_usd:.2f} reserved by other runs" if refused.reserved_usd > _ROUNDING else ""
    renewed = format_moment(month_bounds(month, settings.zone)[1], settings)
    return (
        f"this run asks for ${refused.asked_usd:.2f}; in {month}, {whose} may spend ${refused.limit_usd:.2f}, of which "
        f"${refused.spent_usd:.2f} are spent{reserved}. A new month begins at {renewed}"
    )


def remedy(refused: Refusal) -> str:
    """Returns the remedy for a refusal."""
    where = f"monthly_budget_usd of {refused.channel} in channels.toml" if refused.channel else _OVERALL
    return (
        f"Wait until there is room in the monthly budget (rows of Notion then continue automatically), or raise {where}"
    )


_OVERALL = "ASSETGEN_MONTHLY_BUDGET_USD"

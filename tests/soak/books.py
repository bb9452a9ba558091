"""Whether what the emulator billed is what the records say, call by call, and each picture paid for once."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from assetgen_dagster.project.records import ProjectRecords, Spend, SpendKind
from assetgen_emulators.gemini.journal import Call

#: Answers that are paid for and hold no whole picture: the picture is drawn again, and that is right.
_PAID_FOR_NOTHING = {"half_png", "no_image", "text_only"}

#: USD; sums of floats.
_NOTHING = 1e-6


@dataclass
class Books:
    """Both sides of all pictures together.

    Attributes:
        billed_usd: What the emulator billed.
        confirmed_usd: What the records say was spent.
        listed_usd: What they list as possibly billed.
        lost_usd: What was billed of that: answers that nobody received.
        violations: What must not be.
    """

    billed_usd: float = 0.0
    confirmed_usd: float = 0.0
    listed_usd: float = 0.0
    lost_usd: float = 0.0
    violations: list[str] = field(default_factory=list)


def compare(
    journal: Iterable[Call],
    projects: Mapping[str, ProjectRecords],
    killed: Mapping[str, int],
    orders: Mapping[tuple[str, int], int],
) -> Books:
    """Compares the journal with the records of all projects.

    Args:
        journal: Every call there was.
        projects: The records by project.
        killed: How many calls were killed with their scripts, by project: so many may be listed that never arrived.
        orders: How often each picture was ordered anew, by project and number.
    """
    books = Books()
    calls: dict[str, list[Call]] = defaultdict(list)
    for call in journal:
        if call.billed_usd:
            calls[call.prompt_sha256].append(call)
            books.billed_usd += call.billed_usd
    for project, records in projects.items():
        unbilled = 0
        for name, record in records.pictures.items():
            spends = [spend for spend in records.spends if spend.name == name]
            prompt = record.inputs.prompt_sha256 if record.inputs else ""
            drawings = 1 + orders.get((project, records.numbers.get(name, 0)), 0)
            unbilled += _compare(books, f"{project} {name}", calls.pop(prompt, []), spends, drawings)
        if unbilled > killed.get(project, 0):
            count = killed.get(project, 0)
            books.violations.append(f"{project}: {unbilled} calls are listed that never arrived; {count} were killed")
    for left in calls.values():
        books.violations.append(f"{len(left)} billed calls belong to no picture: {left[0].prompt[:60]!r}")
    if abs(books.billed_usd - books.confirmed_usd - books.lost_usd) > _NOTHING:
        books.violations.append("the bill is not what was received and what was lost")
    return books


def _compare(books: Books, about: str, calls: list[Call], spends: list[Spend], drawings: int) -> int:
    """Adds one picture that was asked for so many times; returns how many of its listed calls never arrived."""
    confirmed = [spend.cost_usd for spend in spends if spend.kind is SpendKind.CONFIRMED]
    listed = [spend.cost_usd for spend in spends if spend.kind is SpendKind.POSSIBLY_BILLED]
    received = len(confirmed) - sum(call.outcome in _PAID_FOR_NOTHING for call in calls)
    if received != drawings:
        books.violations.append(f"{about}: {received} pictures were paid for and received, {drawings} were ordered")
    lost = [call.billed_usd for call in calls]
    for cost in confirmed:
        match = next((billed for billed in lost if abs(billed - cost) < _NOTHING), None)
        if match is None:
            books.violations.append(f"{about}: ${cost:.4f} were booked and not billed")
        else:
            lost.remove(match)
    if len(lost) > len(listed) or sum(lost) > sum(listed) + _NOTHING:
        books.violations.append(f"{about}: {len(lost)} answers were lost, {len(listed)} are listed as possibly billed")
    books.confirmed_usd += sum(confirmed)
    books.listed_usd += sum(listed)
    books.lost_usd += sum(lost)
    return max(0, len(listed) - len(lost))

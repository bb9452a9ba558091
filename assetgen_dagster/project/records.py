"""What a project remembers between runs: rounds, pictures, calls under way, and every cent.

One JSON file beside the pictures, replaced atomically at each change, so that a process may die at any instruction.
Paths in it start at the workspace, so that a workspace can move. Decisions on these records are made elsewhere.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from assetgen_dagster.errors import Code, OneCodeError
from assetgen_dagster.support.files import write_atomically

#: Stands for the manifest among the pictures' money; no picture can have this name, nor this number.
MANIFEST = "the manifest"
MANIFEST_NUMBER = 0


class RecordsError(OneCodeError):
    """The records cannot be read."""

    code = Code.RECORDS


class CostSource(StrEnum):
    """How a cost is known."""

    USAGE = "usage"
    ESTIMATE = "estimate"
    UNKNOWN = "unknown"
    NONE = "none"


class Reference(BaseModel):
    """A picture that was passed along when another was drawn.

    Attributes:
        name: The picture.
        sha256: Hash of its file at that time.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    sha256: str


class Inputs(BaseModel):
    """What a picture was drawn from; when it changes, the picture is out of date.

    Attributes:
        prompt_sha256: Hash of the combined prompt.
        model: Model that was asked for.
        aspect_ratio: ``W:H`` that was asked for.
        references: Pictures that it was given to go by, in order.
    """

    model_config = ConfigDict(frozen=True)

    prompt_sha256: str
    model: str
    aspect_ratio: str
    references: tuple[Reference, ...] = ()


class PictureFacts(BaseModel):
    """What can be read off a picture's file.

    Attributes:
        sha256: Hash of the file.
        width: In pixels.
        height: In pixels.
        size_bytes: Of the file.
        flat: Whether it shows one colour only.
    """

    model_config = ConfigDict(frozen=True)

    sha256: str
    width: int
    height: int
    size_bytes: int
    flat: bool


class PictureRecord(BaseModel):
    """A published picture.

    Attributes:
        path: Its file, from the workspace.
        facts: Of the file as we published it; a file that differs was retouched by hand.
        round: The round in which it was drawn or found good.
        inputs: What it was drawn from; None for a file that was there before this system.
        file_cost_usd: What the file cost when it was drawn; None if unknown.
        cost_source: How that is known.
        model: The model that the answer named, else the one asked for; None if unknown.
        duration_seconds: Of the attempt that succeeded.
        attempts: How many attempts it took.
        drawn_at: Unix time of publication; None for a file that was there before.
        drawn_newest_run: The project's newest run at that time; None if it was not known.
        run_id: The run that drew it.
        by_name: Whether it was drawn because somebody asked for it alone.
    """

    path: str
    facts: PictureFacts
    round: int
    inputs: Inputs | None = None
    file_cost_usd: float | None = None
    cost_source: CostSource = CostSource.UNKNOWN
    model: str | None = None
    duration_seconds: float | None = None
    attempts: int = 0
    drawn_at: float | None = None
    drawn_newest_run: str | None = None
    run_id: str | None = None
    by_name: bool = False


class Intent(BaseModel):
    """A call that is under way, or was when its run died.

    Attributes:
        token: Names the attempt, its files in the staging folder, and its money.
        name: The picture.
        number: The picture's, which may be another's by the time the call is settled.
        staging: Where the script writes, from the workspace.
        output: Path of the published picture, from the workspace.
        round: The round it is drawn in.
        inputs: What it is drawn from.
        run_id: The run that started it.
        attempts: Attempts at this picture so far, this one included.
        started_at: Unix time.
        host: The machine it was started on.
        listed_usd: What one such call costs by the price list (the story's estimate for an unknown model).
        by_name: Whether somebody asked for this picture alone.
        received: The record to be, once the picture is verified in the staging folder.
    """

    token: str
    name: str
    number: int
    staging: str
    output: str
    round: int
    inputs: Inputs
    run_id: str
    attempts: int
    started_at: float
    host: str = ""
    listed_usd: float
    by_name: bool = False
    received: PictureRecord | None = None


class StoryCall(BaseModel):
    """A question to a language model that is under way, or whose answer is not a manifest yet.

    Attributes:
        token: Names the call and its money.
        key: Hash of what was asked: model, topic, story direction.
        question: 1 for the first, 2 for the one that asks for a repair.
        model: That was asked.
        run_id: The run that asked.
        listed_usd: What it may cost at most by the price list; None for an unknown model.
        answer: What was received; the money for it is booked.
    """

    token: str
    key: str
    question: int
    model: str
    run_id: str
    listed_usd: float | None = None
    answer: str | None = None


class SpendKind(StrEnum):
    """Whether money is known to be spent."""

    CONFIRMED = "confirmed"
    POSSIBLY_BILLED = "possibly_billed"


class Spend(BaseModel):
    """Money spent, or possibly spent, by one call.

    Attributes:
        token: The attempt's.
        name: The picture, or ``MANIFEST``.
        number: The picture's at that time, 0 for the manifest: on its asset the money is told to Dagster.
        kind: Confirmed, or the answer never arrived.
        cost_usd: In USD.
        cost_source: How it is known.
        model: Model that answered.
        run_id: The run that made the call.
        at: Unix time.
        reported_by: The run on whose events it stands in Dagster; None until it does.
    """

    token: str
    name: str
    number: int
    kind: SpendKind
    cost_usd: float
    cost_source: CostSource
    model: str
    run_id: str
    at: float
    reported_by: str | None = None


class Round(BaseModel):
    """One drawing of the whole manifest, over as many runs as it takes.

    Attributes:
        number: From 1.
        request_id: The run that asked for it; a retry of that run continues it.
        opened_at: Unix time.
        opened_newest_run: The project's newest run at that time; None if it was not known.
        ready_at: When ``assets_ready`` was last recorded in it.
        sheet_at: When ``contact_sheet`` was last recorded in it.
        closed_at: When it was complete; None while it is open.
        closed_newest_run: The project's newest run at that time; None if it was not known.
        redrawing: Whether it was complete before, and is open for single pictures only: the others are kept.
        taken: The requests for single pictures that were taken up in it.
        put_off: What was still to be drawn again when it began, see ``ProjectRecords.redraws``.
    """

    number: int
    request_id: str
    opened_at: float
    opened_newest_run: str | None = None
    ready_at: float | None = None
    sheet_at: float | None = None
    closed_at: float | None = None
    closed_newest_run: str | None = None
    redrawing: bool = False
    taken: list[str] = Field(default_factory=list)
    put_off: dict[str, str] = Field(default_factory=dict)


class ProjectRecords(BaseModel):
    """Everything a project remembers.

    Attributes:
        version: Of this file's shape.
        numbers: Picture name to number; a number stays with its name.
        pictures: Published pictures by name.
        redraws: Pictures that are still to be drawn again, by name, each with the request for it.
        retired: The last picture of each name that left the manifest, its path that of the file put aside.
        intents: Calls under way, by token.
        story_calls: Questions to a language model, until their answer is a manifest.
        spends: All calls that cost or may have cost money, oldest first.
        rounds: Oldest first; the last one may be open.
    """

    version: Literal[1] = 1
    numbers: dict[str, int] = Field(default_factory=dict)
    pictures: dict[str, PictureRecord] = Field(default_factory=dict)
    redraws: dict[str, str] = Field(default_factory=dict)
    retired: dict[str, PictureRecord] = Field(default_factory=dict)
    intents: dict[str, Intent] = Field(default_factory=dict)
    story_calls: list[StoryCall] = Field(default_factory=list)
    spends: list[Spend] = Field(default_factory=list)
    rounds: list[Round] = Field(default_factory=list)

    @property
    def round(self) -> Round | None:
        """The last round."""
        return self.rounds[-1] if self.rounds else None

    def open_round(self, request_id: str, newest_run: str | None) -> None:
        """Begins a round, in which everything is drawn again; it includes pending redraws."""
        opened = Round(
            number=self.rounds[-1].number + 1 if self.rounds else 1,
            request_id=request_id,
            opened_at=time.time(),
            opened_newest_run=newest_run,
            put_off=dict(self.redraws),
        )
        self.rounds.append(opened)
        self.redraws.clear()

    def enter(self, name: str, picture: PictureRecord) -> None:
        """Enters a new picture; what sums the pictures up is out of date by that, whatever the clock says."""
        self.pictures[name] = picture
        self.redraws.pop(name, None)
        if self.rounds:
            self.rounds[-1].ready_at = self.rounds[-1].sheet_at = None

    def reopen_round(self) -> None:
        """Opens the last round again, for single pictures only, if it was complete."""
        last = self.rounds[-1]
        if last.closed_at is not None:
            last.closed_at = last.closed_newest_run = last.ready_at = last.sheet_at = None
            last.redrawing = True

    def take_round_back(self, request_id: str) -> None:
        """Takes back what a request began if no picture came of it: the round before is in force again."""
        last = self.round
        if last is None or len(self.rounds) == 1 or last.request_id != request_id or last.closed_at is not None:
            return
        used = {picture.round for picture in self.pictures.values()} | {one.round for one in self.intents.values()}
        if last.number in used:
            return
        self.rounds.pop()
        self.redraws |= last.put_off

    def total_usd(
        self, *, kind: SpendKind = SpendKind.CONFIRMED, paid_by: str | None = None, reported_by: str | None = None
    ) -> float:
        """Returns the USD spent so far; only by one run's calls, or only what stands on one run's events."""
        return round(
            sum(
                spend.cost_usd
                for spend in self.spends
                if spend.kind is kind and paid_by in (None, spend.run_id) and reported_by in (None, spend.reported_by)
            ),
            6,
        )

    def unreported(self, names: Iterable[str] | None = None) -> list[Spend]:
        """Returns the money that stands on no event in Dagster yet, of these pictures or of all."""
        wanted = None if names is None else set(names)
        return [spend for spend in self.spends if not spend.reported_by and (wanted is None or spend.name in wanted)]


class RecordStore:
    """The records' file. All changes go through ``change``; several threads may use one store.

    Args:
        path: The file.
        guard: Asked before each change; raises where the project is not this run's any more.
        newest_run: Returns the project's newest run, or None if that is not known; does not raise.

    Attributes:
        path: The file.
        guard: The same; for what is changed beside the records.
        newest_run: The same. A request is later than a change of the records if its run is newer than this one then.
    """

    def __init__(
        self,
        path: Path,
        guard: Callable[[], None] = lambda: None,
        newest_run: Callable[[], str | None] = lambda: None,
    ) -> None:
        self.path = path
        self.guard = guard
        self.newest_run = newest_run
        self._lock = threading.RLock()
        self._records: ProjectRecords | None = None

    @property
    def records(self) -> ProjectRecords:
        """The records as they are; for reading only.

        Raises:
            RecordsError: The file cannot be read, is damaged or was written by a later version.
        """
        with self._lock:
            if self._records is None:
                self._records = self._load()
            return self._records

    @contextlib.contextmanager
    def change(self) -> Iterator[ProjectRecords]:
        """Gives the records for changing, and stores them; after an error nothing has changed."""
        with self._lock:
            self.guard()
            changed = self.records.model_copy(deep=True)
            yield changed
            self._save(changed)
            self._records = changed

    def mark_reported(self, tokens: Iterable[str], *, run_id: str) -> None:
        """Notes that this money now stands on a run's events in Dagster."""
        wanted = set(tokens)
        if not wanted:
            return
        with self.change() as records:
            for spend in records.spends:
                if spend.token in wanted:
                    spend.reported_by = run_id

    def _load(self) -> ProjectRecords:
        try:
            return ProjectRecords.model_validate_json(self.path.read_bytes())
        except FileNotFoundError:
            return ProjectRecords()
        except OSError as error:
            raise RecordsError(
                f"{self.path} cannot be read: {error.strerror}. Make it a file that this user may read and write."
            ) from None
        except ValidationError as error:
            raise RecordsError(
                f"{self.path} cannot be read ({error.error_count()} faults; the first: {error.errors()[0]['msg']}). "
                "It says which pictures are paid for: restore it from a backup, or move it away to start over "
                "(the pictures that are there are then kept, at unknown cost)."
            ) from None

    def _save(self, records: ProjectRecords) -> None:
        write_atomically(self.path, records.model_dump_json(indent=1, exclude_none=True).encode())

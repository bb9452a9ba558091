"""A project's records: rounds, pictures, calls in progress, and all spends.

One JSON file beside the pictures, replaced atomically at each change, so that a process may die at any instruction.
Paths in it are relative to the workspace, so that a workspace can move. Decisions on these records are made elsewhere.
"""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from assetgen_dagster.errors import Code, OneCodeError
from assetgen_dagster.support.files import write_atomically

#: Name and number of the manifest among the spends; no picture can have either.
MANIFEST = "the manifest"
MANIFEST_NUMBER = 0


class RecordsError(OneCodeError):
    """The records cannot be read."""

    code = Code.RECORDS


class CostSource(StrEnum):
    """The source of a cost."""

    USAGE = "usage"
    ESTIMATE = "estimate"
    UNKNOWN = "unknown"
    NONE = "none"


class Reference(BaseModel):
    """A reference picture that was used to draw another one.

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
        model: The requested model.
        aspect_ratio: The requested ``W:H``.
        references: Its reference pictures, in order.
    """

    model_config = ConfigDict(frozen=True)

    prompt_sha256: str
    model: str
    aspect_ratio: str
    references: tuple[Reference, ...] = ()


class PictureFacts(BaseModel):
    """Measurements of a picture's file.

    Attributes:
        sha256: Hash of the file.
        width: In pixels.
        height: In pixels.
        size_bytes: Size of the file.
        flat: Whether the picture shows one colour only.
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
        path: Its file, relative to the workspace.
        facts: Facts of the file as published; a file that differs was retouched by hand.
        round: The round in which it was drawn or kept.
        inputs: What it was drawn from; None for an adopted file, which existed before.
        file_cost_usd: What the file cost when it was drawn; None if unknown.
        cost_source: Source of that cost.
        model: The model that the response named, else the requested one; None if unknown.
        duration_seconds: Duration of the successful attempt.
        attempts: Number of attempts.
        drawn_at: Unix time of publication; None for an adopted file.
        drawn_newest_run: The project's newest run at that time; None if unknown.
        run_id: The run that drew it.
        by_name: Whether it was drawn because a person requested it alone.
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
    """A call that is in progress, or was when its run died.

    Attributes:
        token: Names the attempt, its files in the staging folder, and its spend.
        name: The picture.
        number: The picture's number; another picture may have it by the time the call is finished.
        staging: Path that the script writes to, relative to the workspace.
        output: Path of the published picture, relative to the workspace.
        round: The round it is drawn in.
        inputs: What it is drawn from.
        run_id: The run that started it.
        attempts: Attempts at this picture so far, this one included.
        started_at: Unix time.
        host: The machine it was started on.
        listed_usd: List price of the call (the story's estimate for an unknown model).
        by_name: Whether a person requested this picture alone.
        received: The future record, once the picture is verified in the staging folder.
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
    """A question to a language model that is in progress, or whose answer is not a manifest yet.

    Attributes:
        token: Names the call and its spend.
        key: Hash of model, topic and story direction.
        question: 1 for the first question, 2 for the request to repair the answer.
        model: The requested model.
        run_id: The run that made the call.
        listed_usd: Its maximum cost by the price list; None for an unknown model.
        answer: The answer; its cost is booked.
    """

    token: str
    key: str
    question: int
    model: str
    run_id: str
    listed_usd: float | None = None
    answer: str | None = None


class SpendKind(StrEnum):
    """Whether a spend is certain."""

    CONFIRMED = "confirmed"
    POSSIBLY_BILLED = "possibly_billed"


class Spend(BaseModel):
    """Money spent, or possibly spent, by one call.

    Attributes:
        token: Token of the call.
        name: The picture, or ``MANIFEST``.
        number: The picture's number at that time, 0 for the manifest: names the asset that reports it to Dagster.
        kind: Confirmed, or possibly billed because the answer never arrived.
        cost_usd: In USD.
        cost_source: Source of the cost.
        model: The model that answered.
        run_id: The run that made the call.
        at: Unix time.
        reported_by: The run that reported it to Dagster; None until then.
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
    """One drawing of the whole manifest, in one or more runs.

    Attributes:
        number: From 1.
        request_id: The first run of its request; a retry of that run continues the round.
        opened_at: Unix time.
        opened_newest_run: The project's newest run at that time; None if unknown.
        ready_at: When ``assets_ready`` was last stored in it.
        sheet_at: When ``contact_sheet`` was last stored in it.
        closed_at: When it was complete; None while it is open.
        closed_newest_run: The project's newest run at that time; None if unknown.
        redrawing: Whether it was complete before and is reopened for single pictures: the others are kept.
        taken: The requests for single pictures that were accepted in it.
        put_off: Redraws that were pending when it began, see ``ProjectRecords.redraws``; restored if it is reverted.
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


#: The version of the file's format that this program reads and writes.
RECORDS_VERSION: Literal[1] = 1


class ProjectRecords(BaseModel):
    """The content of the records' file.

    Attributes:
        version: Version of the file's format.
        numbers: Picture name to number; a number stays with its name.
        pictures: Published pictures by name.
        redraws: Pending redraws: picture name to the id of the request.
        retired: The last picture of each name that left the manifest, with the path of its retired file.
        intents: Calls in progress, by token.
        story_calls: Questions to a language model, until their answer is a manifest.
        spends: All calls that cost or may have cost money, oldest first.
        rounds: Oldest first; the last one may be open.
    """

    version: Literal[1] = RECORDS_VERSION
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

    def has_begun(self, request_id: str) -> bool:
        """Returns whether the last round was opened, or reopened for single pictures, by a request."""
        return self.round is not None and request_id in (self.round.request_id, *self.round.taken)

    def complete_numbers(self) -> frozenset[int]:
        """Returns the numbers of all pictures if the last round is closed; else none."""
        last = self.round
        return frozenset() if last is None or last.closed_at is None else frozenset(self.numbers.values())

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
        """Adds a new picture; ``assets_ready`` and ``contact_sheet`` are out of date from then on."""
        self.pictures[name] = picture
        self.redraws.pop(name, None)
        if self.rounds:
            self.rounds[-1].ready_at = self.rounds[-1].sheet_at = None

    def reopen_round(self) -> None:
        """Reopens the last round for single pictures, if it was complete."""
        last = self.rounds[-1]
        if last.closed_at is not None:
            last.closed_at = last.closed_newest_run = last.ready_at = last.sheet_at = None
            last.redrawing = True

    def revert_round(self, request_id: str) -> None:
        """Removes the round that a request opened if no picture was drawn in it; the previous one is current again."""
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
        """Returns the USD spent so far, optionally only by one run's calls or as reported by one run."""
        return round(
            sum(
                spend.cost_usd
                for spend in self.spends
                if spend.kind is kind and paid_by in (None, spend.run_id) and reported_by in (None, spend.reported_by)
            ),
            6,
        )

    def unreported(self, names: Iterable[str] | None = None) -> list[Spend]:
        """Returns the spends that are on no Dagster event yet, of these pictures or of all."""
        wanted = None if names is None else set(names)
        return [spend for spend in self.spends if not spend.reported_by and (wanted is None or spend.name in wanted)]


class RecordStore:
    """The records' file. All changes go through ``change``; thread-safe.

    Args:
        path: The file.
        guard: Called before each change; raises if the run has lost its project.
        newest_run: Returns the project's newest run, or None if unknown; does not raise.

    Attributes:
        path: The file.
        guard: As above; call it before changing other files of the project.
        newest_run: As above. A request is later than a change of the records if its run is newer than the newest run
            at that change.
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
        """The current records; read-only.

        Raises:
            RecordsError: The file cannot be read, is damaged or was written by a later version.
        """
        with self._lock:
            if self._records is None:
                self._records = self._load()
            return self._records

    @contextlib.contextmanager
    def change(self) -> Iterator[ProjectRecords]:
        """Yields a copy of the records to change, and stores it; an error discards all changes."""
        with self._lock:
            self.guard()
            changed = self.records.model_copy(deep=True)
            yield changed
            self._save(changed)
            self._records = changed

    def mark_reported(self, tokens: Iterable[str], *, run_id: str) -> None:
        """Marks spends as reported to Dagster by a run."""
        wanted = set(tokens)
        if not wanted:
            return
        with self.change() as records:
            for spend in records.spends:
                if spend.token in wanted:
                    spend.reported_by = run_id

    def _load(self) -> ProjectRecords:
        content = b""
        try:
            content = self.path.read_bytes()
            return ProjectRecords.model_validate_json(content)
        except FileNotFoundError:
            return ProjectRecords()
        except OSError as error:
            raise RecordsError(
                f"{self.path} cannot be read: {error.strerror}. Make it a file that this user may read and write."
            ) from None
        except ValidationError as error:
            if (version := _later_version(content)) is not None:
                raise RecordsError(
                    f"{self.path} was written by a later version of this program (format {version}, this one reads "
                    f"{RECORDS_VERSION}). Upgrade to that version; leave the file as it is."
                ) from None
            more = f", the first of {error.error_count()} errors" if error.error_count() > 1 else ""
            raise RecordsError(
                f"{self.path} cannot be read ({error.errors()[0]['msg']}{more}). "
                "It records which pictures are paid for: restore it from a backup, or move it away to start over "
                "(existing pictures are then kept, at unknown cost)."
            ) from None

    def _save(self, records: ProjectRecords) -> None:
        write_atomically(self.path, records.model_dump_json(indent=1, exclude_none=True).encode())


def _later_version(content: bytes) -> int | None:
    """Returns the version of a file in a later format than ours; None for any other content."""
    try:
        version = json.loads(content)["version"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return version if isinstance(version, int) and version > RECORDS_VERSION else None

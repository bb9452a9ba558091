"""Errors of the task board."""

from assetgen_dagster.errors import AssetgenError, Code
from assetgen_dagster.notion.call_failures import CallFailure, FailureKind


class BoardError(AssetgenError):
    """A person must fix something first: a setting, a column, the integration's capabilities.

    Args:
        message: What is wrong and what to do.
        code: What happened.
        setting: The environment variable to change, if any.
        failure: Why the call failed, if one did.
    """

    def __init__(
        self, message: str, *, code: Code, setting: str | None = None, failure: CallFailure | None = None
    ) -> None:
        super().__init__(message, code=code)
        self.setting = setting
        self.failure = failure

    @property
    def kind(self) -> FailureKind | None:
        """The kind of the call's failure."""
        return self.failure.kind if self.failure else None


class BoardUnavailableError(BoardError):
    """Notion is down, busy or slow; retry later. Nothing was read; a write may have been saved.

    Args:
        what: A sentence that states the failure.
        failure: Why the call failed, if one did.

    Attributes:
        what: The sentence without the message's remark on retries.
    """

    def __init__(self, what: str, *, failure: CallFailure | None = None) -> None:
        super().__init__(f"{what} It will be retried later.", code=Code.NOTION_UNAVAILABLE, failure=failure)
        self.what = what


class RowGoneError(BoardError):
    """The row to write is in the trash, deleted, or moved to another database."""

    def __init__(self, message: str, *, failure: CallFailure | None = None) -> None:
        super().__init__(message, code=Code.NOTION_ROW_GONE, failure=failure)

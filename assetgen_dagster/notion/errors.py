"""What can be wrong with the task board, for whoever has to act on it."""

from assetgen_dagster.errors import AssetgenError, Code
from assetgen_dagster.notion.trouble import Kind, Trouble


class BoardError(AssetgenError):
    """Someone has to mend something first: a setting, a column, the integration's rights.

    Args:
        message: What is wrong and what to do.
        code: What happened.
        setting: The environment variable that it is about, if there is one.
        trouble: Why the call failed, where one did.
    """

    def __init__(self, message: str, *, code: Code, setting: str | None = None, trouble: Trouble | None = None) -> None:
        super().__init__(message, code=code)
        self.setting = setting
        self.trouble = trouble

    @property
    def kind(self) -> Kind | None:
        """What kind of trouble the call had."""
        return self.trouble.kind if self.trouble else None


class BoardUnavailableError(BoardError):
    """Notion is away, busy or slow; later it will do. Nothing was read, and a write may or may not have been saved."""

    def __init__(self, message: str, *, trouble: Trouble | None = None) -> None:
        super().__init__(message, code=Code.NOTION_UNAVAILABLE, trouble=trouble)


class RowGoneError(BoardError):
    """The row that was to be written is in the trash, deleted, or moved to another database."""

    def __init__(self, message: str, *, trouble: Trouble | None = None) -> None:
        super().__init__(message, code=Code.NOTION_ROW_GONE, trouble=trouble)

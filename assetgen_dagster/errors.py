"""The one error that a person can do something about; everything else is a bug and keeps its stack trace."""

#: The code of what only another command line mends.
COMMAND_LINE = "command_line"


class AssetgenError(Exception):
    """Something a producer or operator can mend: says what is wrong and what to do, in plain words.

    Args:
        message: Those words.
        code: Given where the class has none for all its errors.

    Attributes:
        message: Without the code, for sentences that go on.
        code: Short and stable, see the codes in ``docs/operating.md``.
    """

    code: str = ""

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code

    def __str__(self) -> str:
        """Returns the message with its code, as it stands in terminal, Dagster and Notion."""
        return coded(self.message, self.code)


def coded(message: str, code: str) -> str:
    """Returns a message with its code behind it."""
    return f"{message} [{code}]"

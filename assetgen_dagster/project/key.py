"""A project and its partition key, ``<channel>:<project>``.

The one place where identifiers from outside (Notion, the UI's dialog, the command line) are checked.
"""

import re
from dataclasses import dataclass
from typing import Self

from assetgen_dagster.errors import Code, OneCodeError

#: ``\Z``, not ``$``: the latter lets a trailing newline through.
_IDENTIFIER = re.compile(r"^[A-Za-z0-9_-]{1,100}\Z", re.ASCII)

#: Needs no quotes in the Dagster UI's partition selector, where ``channel:*`` then selects a channel.
SEPARATOR = ":"


class InvalidIdentifierError(OneCodeError, ValueError):
    """A channel or project identifier that could leave its folder or break a partition key."""

    code = Code.IDENTIFIER


def validate_identifier(value: str, name: str) -> str:
    """Returns ``value`` unchanged if it may be part of a path and of a partition key.

    Args:
        value: The identifier.
        name: What it identifies, for the message.

    Raises:
        InvalidIdentifierError: It is empty, longer than 100 characters, or has others than ASCII letters, digits,
            ``-`` and ``_``.
    """
    if _IDENTIFIER.match(value):
        return value
    shown = value if len(value) <= 60 else f"{value[:57]}..."
    raise InvalidIdentifierError(
        f"{name} {shown!r} cannot be used: 1 to 100 letters (a-z, A-Z), digits, '-' and '_', nothing else."
    )


@dataclass(frozen=True, order=True)
class ProjectKey:
    """Channel and project of one video.

    Attributes:
        channel: The story's ``channel_id``.
        project: The story's ``project_id``.
    """

    channel: str
    project: str

    def __post_init__(self) -> None:
        validate_identifier(self.channel, "channel")
        validate_identifier(self.project, "project")

    def __str__(self) -> str:
        return f"{self.channel}{SEPARATOR}{self.project}"

    @classmethod
    def from_partition_key(cls, key: str) -> Self:
        """Returns the project of a partition.

        Raises:
            InvalidIdentifierError: The key is not ``<channel>:<project>`` (the UI's dialog accepts any text).
        """
        channel, separator, project = key.partition(SEPARATOR)
        if not separator:
            raise InvalidIdentifierError(
                f"Partition {key[:60]!r} is not '<channel>:<project>', such as 'poke1:vid_123'. "
                "Delete it and add the right one."
            )
        return cls(channel, project)

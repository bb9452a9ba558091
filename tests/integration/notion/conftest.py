from collections.abc import Iterator

import pytest

from assetgen_dagster.notion.board import TaskBoard
from assetgen_emulators.notion import NotionEmulator
from tests.helpers.boards import FastClock, board_for


@pytest.fixture
def clock() -> FastClock:
    return FastClock()


@pytest.fixture
def board(notion: NotionEmulator, clock: FastClock) -> Iterator[TaskBoard]:
    with board_for(notion, clock=clock) as task_board:
        yield task_board

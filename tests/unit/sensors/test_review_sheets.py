import dagster as dg
import pytest
from pydantic import SecretStr

from assetgen_dagster.assets.tags import REPORTED_TAG
from assetgen_dagster.sensors.review_sheets import Sheets
from tests.helpers.boards import board_settings


@pytest.mark.parametrize(
    ("told", "review_sheet", "owed"),
    [
        ("ready", True, True),
        ("Assets Ready", True, True),  # an earlier version's
        ("ready", False, False),
        ("error", True, False),
        ("gone", True, False),
        ("", True, False),
    ],
)
def test_a_run_whose_row_was_told_late_that_its_pictures_are_there_is_owed_its_sheet(
    told: str, review_sheet: bool, owed: bool
) -> None:
    run = dg.DagsterRun("job", tags={REPORTED_TAG: told})
    sheets = Sheets()
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_run(run)
        sheets.note_reported(instance, run.run_id, board_settings(SecretStr("x"), "0" * 32, review_sheet=review_sheet))
    assert (run.run_id in sheets.attempts) is owed

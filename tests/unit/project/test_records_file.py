"""What is said of a file of records that cannot be read."""

from pathlib import Path

import pytest

from assetgen_dagster.errors import Code
from assetgen_dagster.project.records import RecordsError, RecordStore

LATER, DAMAGED = "later version", "backup"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"version": 2}', LATER),
        ('{"version": 7, "pictures": [], "spends": {}, "rounds": 1}', LATER),
        ('{"version": 0}', DAMAGED),
        ('{"version": "2"}', DAMAGED),
        ('{"version": true, "spends": 1}', DAMAGED),
        ('{"version": 1, "spends": 1}', DAMAGED),
        ('{"spends": 1}', DAMAGED),
        ("[2]", DAMAGED),
        ("{", DAMAGED),
        ("", DAMAGED),
    ],
)
def test_a_later_version_is_told_from_a_damaged_file_and_neither_is_changed(
    tmp_path: Path, content: str, said: str
) -> None:
    path = tmp_path / "records.json"
    path.write_text(content)
    with pytest.raises(RecordsError) as raised:
        assert RecordStore(path).records
    text = str(raised.value)
    assert raised.value.code is Code.RECORDS
    assert (said in text, {LATER: DAMAGED, DAMAGED: LATER}[said] in text) == (True, False)
    assert "1 errors" not in text
    assert path.read_text() == content

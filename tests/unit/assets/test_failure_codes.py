from assetgen_dagster.assets.failure_codes import codes_metadata, read_codes
from assetgen_dagster.errors import Code, coded


def test_codes_come_back_from_a_steps_metadata_whatever_its_message_says() -> None:
    metadata = codes_metadata([Code.API_KEY, Code.REFUSED, Code.API_KEY])
    assert metadata["codes"].value == ["api_key", "refused"]
    assert read_codes(metadata, "Anything. [budget]") == {Code.API_KEY, Code.REFUSED}


def test_a_step_of_an_earlier_version_has_the_code_behind_its_message_only() -> None:
    assert read_codes({}, coded("Run abc is at work on this project.", Code.PROJECT_BUSY)) == {Code.PROJECT_BUSY}
    assert read_codes({}, "ValueError: [project_busy] in the middle") == frozenset()
    assert read_codes({}, "") == frozenset()

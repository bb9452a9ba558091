"""What the Dagster UI tells an operator about the code location, before anything has run."""

import dagster as dg
import pytest

from assetgen_dagster.assets.keys import ASSET_MANIFEST, ASSETS_READY, CONTACT_SHEET, JOB_NAME, image_key
from assetgen_dagster.definitions import build_definitions
from assetgen_dagster.errors import AssetgenError

KEYS = {ASSET_MANIFEST, ASSETS_READY, CONTACT_SHEET, *(image_key(number) for number in range(1, 23))}


def specs() -> dict[dg.AssetKey, dg.AssetSpec]:
    return {spec.key: spec for spec in build_definitions().resolve_all_asset_specs()}


def costs() -> dict[dg.AssetKey, str]:
    return {key: spec.tags["cost"] for key, spec in specs().items()}


def test_every_asset_says_what_it_is_and_what_to_do_when_it_fails() -> None:
    found = specs()
    assert found.keys() == KEYS
    for spec in found.values():
        assert "If it fails" in (spec.description or ""), spec.key
        assert spec.group_name == "assets"
        assert spec.kinds
        assert spec.owners == []


def test_jobs_sensors_and_checks_say_what_they_are() -> None:
    definitions = build_definitions()
    assert all(job.description for job in definitions.jobs or [])
    assert all(sensor.description for sensor in definitions.sensors or [])
    checks = definitions.resolve_asset_graph().asset_check_keys
    assert {check.name for check in checks} == {
        "pictures_decode", "pictures_large_enough", "pictures_not_flat", "pictures_aspect_ratio",
    }  # fmt: skip


def test_every_config_field_says_in_the_launchpad_what_it_is_for() -> None:
    job = build_definitions().resolve_job_def(JOB_NAME)
    fields = {
        name: field.description
        for node in job.graph.node_defs
        if isinstance(node, dg.OpDefinition) and isinstance(node.config_schema.config_type, dg.Shape)
        for name, field in node.config_schema.config_type.fields.items()
    }
    assert fields.keys() == {"topic", "story_direction", "mode", "redraw", "remark"}
    assert all(fields.values()), fields


@pytest.mark.parametrize("owner", ["team:pictures", "team:Wild Life", "ada+films@studio-7.example.org"])
def test_every_asset_has_the_owner_of_the_settings(owner: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSETGEN_OWNER", owner)
    assert {tuple(spec.owners) for spec in specs().values()} == {(owner,)}


@pytest.mark.parametrize("owner", ["pictures", "team:", "team: x", "ada@studio", ".ada@studio.org", "a@b.org\n"])
def test_an_owner_that_dagster_does_not_take_is_named_with_what_it_takes(
    owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSETGEN_OWNER", owner)
    with pytest.raises(AssetgenError, match=r"ASSETGEN_OWNER: give a team, such as team:pictures, or an e-mail"):
        build_definitions()


def test_assets_are_found_by_whether_they_cost_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    free = {ASSET_MANIFEST, ASSETS_READY, CONTACT_SHEET}
    assert {key for key, cost in costs().items() if cost == "free"} == free
    monkeypatch.setenv("ASSETGEN_STORY_MODEL", "gemini-3.8-flash")
    assert {key for key, cost in costs().items() if cost == "free"} == free - {ASSET_MANIFEST}

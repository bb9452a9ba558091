"""Checks key, endpoint and models: asks each provider about its model, at no cost."""

from datetime import date

from assetgen_dagster.cli.doctor.finding import Finding, of_failure
from assetgen_dagster.providers.base import Provider
from assetgen_dagster.providers.registry import providers_in_use
from assetgen_dagster.settings import Settings


def examine_providers(settings: Settings, *, seconds: float) -> list[Finding]:
    """Checks the model that draws and the one that writes prompts.

    Args:
        settings: The settings in force.
        seconds: Time limit for each.
    """
    findings = [_examine(provider, seconds) for provider in providers_in_use(settings)]
    if settings.story_model is None:
        not_used = "Not used: without ASSETGEN_STORY_MODEL, built-in tables write the prompts."
        findings.append(Finding("Story model", True, not_used))
    return findings


def _examine(provider: Provider, seconds: float) -> Finding:
    if not provider.checkable:
        return Finding(provider.name, True, "Key and model are not checked: a check might cost money.")
    failure, note = provider.check(seconds=seconds, calls=True), provider.model_note(date.today())
    if failure is not None:
        return of_failure(provider.name, failure)
    known = f"The key is valid, and the model {provider.model.removeprefix('models/')} exists."
    unknown = "Whether the API carries out its calls (billing, access) cannot be known before the first one."
    return Finding(provider.name, True, f"{known} {unknown}", note)

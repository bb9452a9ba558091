"""What ``assetgen doctor`` says of key, endpoint and models: the API is asked about a model, which costs nothing."""

from assetgen_dagster.cli.doctor.finding import Finding, of_problem
from assetgen_dagster.providers.check import ask_about
from assetgen_dagster.settings import Settings


def examine_gemini(settings: Settings, *, seconds: float) -> list[Finding]:
    """Returns what is to be said of the model that draws and of the one that writes prompts.

    Args:
        settings: The settings in force.
        seconds: The longest time for each.
    """
    if settings.own_script:
        draws = _model("Gemini", settings, "GEMINI_IMAGE_MODEL", settings.gemini_image_model, seconds)
    else:
        draws = Finding("Gemini", True, "Not asked: ASSETGEN_SCRIPT names a script with a key and model of its own.")
    if settings.story_model is not None:
        writes = _model("Story model", settings, "ASSETGEN_STORY_MODEL", settings.story_model, seconds)
    else:
        writes = Finding("Story model", True, "Not used: without ASSETGEN_STORY_MODEL our tables write the prompts.")
    return [draws, writes]


def _model(name: str, settings: Settings, setting: str, model: str, seconds: float) -> Finding:
    problem = ask_about(settings, model, setting=setting, seconds=seconds)
    if problem is not None:
        return of_problem(name, problem)
    return Finding(name, True, f"The key is valid, and there is a model {model.removeprefix('models/')}.")

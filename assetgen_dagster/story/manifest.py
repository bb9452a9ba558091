"""The manifest: which pictures a project consists of, and the prompt of each.

Only the model and its pure rules live here. Where a manifest comes from is the subject of ``source``; reading a
producer's document, of ``document``; writing prompts from a topic, of ``director``.
"""

import hashlib
from collections import Counter
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from assetgen_dagster.story.names import MAX_NAME_BYTES, asset_name


class AssetType(StrEnum):
    """The story's three kinds of picture, in the order in which pictures are numbered."""

    CHARACTER = "character"
    ENVIRONMENT = "environment"
    PROP = "prop"


#: How many pictures of each kind a 90-second documentary usually has (the story: 22 in all).
USUAL_COUNTS: dict[AssetType, range] = {
    AssetType.CHARACTER: range(6, 9),
    AssetType.ENVIRONMENT: range(8, 11),
    AssetType.PROP: range(4, 7),
}


class AssetPrompt(BaseModel):
    """One picture to draw.

    Attributes:
        asset_type: Character, environment or prop; decides the folder.
        name: File name without ending, unique within the manifest.
        prompt: What to draw, without the Global Atmosphere Block.
        title: The heading a producer gave it, for people; empty where there was none.
        source_line: 1-based line of the heading in the producer's document, if it came from one.
        core: Marked ``[CORE]`` by the producer: the other pictures of the same character refer to it.
    """

    model_config = ConfigDict(frozen=True)

    asset_type: AssetType
    name: str
    prompt: str
    title: str = ""
    source_line: int | None = None
    core: bool = False

    @field_validator("name")
    @classmethod
    def _name_is_a_file_name(cls, value: str, info: ValidationInfo) -> str:
        if not value or value != asset_name(value) or len(value.encode()) > MAX_NAME_BYTES:
            raise ValueError(f"{value!r} is no picture name: use lower-case letters, digits, '-' and '_'{_hint(value)}")
        return value


class AssetManifest(BaseModel):
    """All pictures of a project, and the atmosphere they share.

    Attributes:
        global_atmosphere: The Global Atmosphere Block: light, weather, lens, shared by every prompt.
        assets: The pictures, as their source lists them.
        warnings: What a person should look at before paying; never a reason to stop.
    """

    model_config = ConfigDict(frozen=True)

    global_atmosphere: str
    assets: tuple[AssetPrompt, ...] = Field(min_length=1)
    warnings: tuple[str, ...] = ()

    @field_validator("assets")
    @classmethod
    def _names_are_unique(cls, value: tuple[AssetPrompt, ...]) -> tuple[AssetPrompt, ...]:
        twice = sorted(name for name, count in Counter(asset.name for asset in value).items() if count > 1)
        if twice:
            raise ValueError(f"two pictures have the same name: {', '.join(twice)}")
        return value

    def counts(self) -> dict[AssetType, int]:
        """Returns how many pictures of each kind there are, kinds without any included."""
        return {kind: sum(asset.asset_type is kind for asset in self.assets) for kind in AssetType}

    def combined_prompt(self, asset: AssetPrompt) -> str:
        """Returns the prompt the script gets: atmosphere, blank line, prompt; the atmosphere only once.

        A picture whose own prompt is only white space has no combined prompt: the result is empty.
        """
        prompt = asset.prompt.strip()
        atmosphere = self.global_atmosphere.strip()
        if not prompt or not atmosphere or _squeeze(atmosphere) in _squeeze(prompt):
            return prompt
        return f"{atmosphere}\n\n{prompt}"

    def content_sha256(self) -> str:
        """Returns a hash of what a person may edit: atmosphere and pictures, not warnings or provenance."""
        parts = [self.global_atmosphere]
        for asset in self.assets:
            parts += [asset.asset_type, asset.name, asset.prompt]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def count_warnings(manifest: AssetManifest) -> tuple[str, ...]:
    """Returns one sentence for each kind of picture whose count is outside the story's range."""
    return tuple(
        f"{count} {kind} pictures; usual are {usual.start} to {usual.stop - 1}"
        for kind, count in manifest.counts().items()
        if count not in (usual := USUAL_COUNTS[kind])
    )


def _hint(value: str) -> str:
    """Offers the name that the text would give."""
    return f", for example {better!r}" if (better := asset_name(value)) else ""


def _squeeze(text: str) -> str:
    """Folds white space and case, so that a re-wrapped atmosphere is still recognised."""
    return " ".join(text.split()).casefold()

"""The manifest: which pictures a project consists of, and the prompt of each.

Only the model and its pure rules live here. Where a manifest comes from is the subject of ``source``; reading a
producer's document, of ``document``; writing prompts from a topic, of ``director``.
"""

import hashlib
import json
from collections import Counter
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from assetgen_dagster.manifest.names import MAX_NAME_BYTES, asset_name
from assetgen_dagster.manifest.references import check_references, effective_references


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
        category_reason: How a document's reader decided the kind, in a few words; empty where nobody had to.
        core: Marked ``[CORE]`` by the producer: the other pictures of the same character refer to it.
        references: Names of the pictures that are passed along when this one is drawn; None: see ``references``.
        aspect_ratio: ``W:H`` for this picture alone, as the producer wrote it; None for that of all pictures.
        remark: A remark given when the picture was redrawn, such as "less golden light"; joins the prompt.
    """

    model_config = ConfigDict(frozen=True)

    asset_type: AssetType
    name: str
    prompt: str
    title: str = ""
    source_line: int | None = None
    category_reason: str = ""
    core: bool = False
    references: tuple[str, ...] | None = None
    aspect_ratio: str | None = Field(None, pattern=r"^\d{1,4}(\.\d{1,4})?:\d{1,4}(\.\d{1,4})?$")
    remark: str = ""

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
        notes: What a document holds beside its pictures and was left out knowingly, with its lines.
        unread: What of a document looks like pictures that could not be read: a reason to stop. Not in the file, which
            is not written then.
    """

    model_config = ConfigDict(frozen=True)

    global_atmosphere: str
    assets: tuple[AssetPrompt, ...] = Field(min_length=1)
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    unread: tuple[str, ...] = Field((), exclude=True)

    @field_validator("assets")
    @classmethod
    def _names_are_unique(cls, value: tuple[AssetPrompt, ...]) -> tuple[AssetPrompt, ...]:
        twice = sorted(name for name, count in Counter(asset.name for asset in value).items() if count > 1)
        if twice:
            raise ValueError(f"two pictures have the same name: {', '.join(twice)}")
        check_references(value)
        return value

    def counts(self) -> dict[AssetType, int]:
        """Returns how many pictures of each kind there are, kinds without any included."""
        return {kind: sum(asset.asset_type is kind for asset in self.assets) for kind in AssetType}

    def sorted_warnings(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Returns the warnings that say what to look at, and those that only say that a count is unusual."""
        usual = count_warnings(self)
        return tuple(said for said in self.warnings if said not in usual), usual

    def combined_prompt(self, asset: AssetPrompt, *, style: str = "") -> str:
        """Returns the prompt the script gets: atmosphere, style, prompt, remark, a blank line between, each only once.

        Args:
            asset: The picture. If its own prompt is only white space, there is no combined one: the result is empty.
            style: The channel's; no part of the manifest, which stays as a person wrote it.
        """
        combined = asset.prompt.strip()
        if not combined:
            return ""
        if _squeeze(asset.remark) not in _squeeze(combined):
            combined = f"{combined}\n\n{asset.remark.strip()}"
        atmosphere = self.global_atmosphere.strip()
        if _squeeze(style) not in _squeeze(f"{atmosphere}\n{combined}"):
            combined = f"{style.strip()}\n\n{combined}"
        if _squeeze(atmosphere) not in _squeeze(asset.prompt):
            combined = f"{atmosphere}\n\n{combined}"
        return combined

    def references(self) -> dict[str, tuple[str, ...]]:
        """Returns the names of the pictures that each picture refers to, by its name; empty for none."""
        return effective_references(self.assets)

    def with_references(self) -> "AssetManifest":
        """Returns the manifest with the references that are found written out, so that a person can see and edit them.

        A picture that refers to none is left as it is.
        """
        found = self.references()
        assets = tuple(
            asset.model_copy(update={"references": found[asset.name]}) if found[asset.name] else asset
            for asset in self.assets
        )
        return self.model_copy(update={"assets": assets})

    def with_remarks_of(self, before: "AssetManifest | None") -> "AssetManifest":
        """Returns the manifest with the remarks that another one has on pictures of the same names."""
        remarks = {asset.name: asset.remark for asset in before.assets if asset.remark} if before else {}
        if not remarks:
            return self
        assets = tuple(a.model_copy(update={"remark": remarks.get(a.name, a.remark)}) for a in self.assets)
        return self.model_copy(update={"assets": assets})

    def content_sha256(self) -> str:
        """Returns a hash of what a person may edit: atmosphere and pictures, not warnings or provenance.

        Remarks do not count: they came from outside the file, and outlive a change of its source.
        """
        parts = [self.global_atmosphere]
        for asset in self.assets:
            parts += [asset.asset_type, asset.name, asset.prompt]
            rare = asset.model_dump(include={"core", "references", "aspect_ratio"}, exclude_defaults=True)
            parts += [json.dumps(rare, sort_keys=True)] if rare else []
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def count_warnings(manifest: AssetManifest) -> tuple[str, ...]:
    """Returns one sentence for each kind of picture whose count is outside the story's range."""
    return tuple(
        f"{count} {kind} picture{'' if count == 1 else 's'}; usual are {usual.start} to {usual.stop - 1}"
        for kind, count in manifest.counts().items()
        if count not in (usual := USUAL_COUNTS[kind])
    )


def _hint(value: str) -> str:
    """Offers the name that the text would give."""
    return f", for example {better!r}" if (better := asset_name(value)) else ""


def _squeeze(text: str) -> str:
    """Folds white space and case, so that a re-wrapped atmosphere is still recognised."""
    return " ".join(text.split()).casefold()

"""Reads a model's answer: a manifest that keeps the rules, or what is wrong with it. Trusts nothing. Pure."""

import json
from collections import Counter

from pydantic import BaseModel, ConfigDict, ValidationError

from assetgen_dagster.director.manifest_rules import violations
from assetgen_dagster.manifest.model import AssetManifest, AssetPrompt, AssetType
from assetgen_dagster.manifest.names import asset_name
from assetgen_dagster.support.text import one_line

_TITLE_CHARACTERS = 120
_SHOWN_FAULTS = 5


class BrokenRulesError(Exception):
    """The answer is no manifest that may be drawn.

    Attributes:
        violations: What is wrong, one sentence each.
        readable: Whether it is JSON at all, so that it can be mended.
    """

    def __init__(self, violations: tuple[str, ...], *, readable: bool = True) -> None:
        super().__init__("; ".join(violations))
        self.violations = violations
        self.readable = readable


class _Picture(BaseModel):
    model_config = ConfigDict(strict=True)

    name: str
    prompt: str
    title: str = ""


class _Answer(BaseModel):
    model_config = ConfigDict(strict=True)

    global_atmosphere: str
    characters: list[_Picture]
    environments: list[_Picture]
    props: list[_Picture]


def read_answer(text: str, *, hero: str) -> AssetManifest:
    """Returns the manifest in a model's answer.

    Args:
        text: The answer.
        hero: Whom the film is about.

    Raises:
        BrokenRulesError: It is not whole, has another shape, or breaks a rule of ``director.manifest_rules``.
    """
    answer = _parse(text)
    pictures = [
        (kind, picture)
        for kind, group in (
            (AssetType.CHARACTER, answer.characters),
            (AssetType.ENVIRONMENT, answer.environments),
            (AssetType.PROP, answer.props),
        )
        for picture in group
    ]
    names = [asset_name(one_line(picture.name)) for _, picture in pictures]
    faults = [f"picture {at} has no name of letters or digits" for at, name in enumerate(names, 1) if not name]
    faults += [f"the name {name} is given {n} times" for name, n in Counter(names).items() if name and n > 1]
    if not pictures:
        faults.append("there are no pictures")
    if faults:
        raise BrokenRulesError(tuple(faults))
    manifest = AssetManifest(
        global_atmosphere=one_line(answer.global_atmosphere),
        assets=tuple(
            AssetPrompt(
                asset_type=kind,
                name=name,
                prompt=one_line(picture.prompt),
                title=one_line(picture.title)[:_TITLE_CHARACTERS],
            )
            for (kind, picture), name in zip(pictures, names, strict=True)
        ),
    )
    if broken := violations(manifest, hero=one_line(hero)):
        raise BrokenRulesError(broken)
    return manifest


def _parse(text: str) -> _Answer:
    try:
        return _Answer.model_validate(json.loads(text))
    except ValidationError as error:
        shown = error.errors(include_url=False)[:_SHOWN_FAULTS]
        faults = tuple(f"{'.'.join(map(str, one['loc'])) or 'the answer'}: {one['msg']}" for one in shown)
        raise BrokenRulesError(faults) from None
    except (ValueError, RecursionError):
        raise BrokenRulesError(("the answer breaks off or is no JSON",), readable=False) from None

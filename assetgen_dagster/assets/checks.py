"""Asset checks on a project's pictures, from what was measured when each arrived.

They belong to ``assets_ready`` and run once per project: a check per picture adds 1 to 4 s to a run
(docs/decisions.md).
"""

import warnings
from collections.abc import Callable, Iterator, Mapping

import dagster as dg

from assetgen_dagster.assets.keys import ASSETS_READY
from assetgen_dagster.assets.partitions import projects
from assetgen_dagster.project.records import PictureFacts

#: Minimum for the next steps: composites crop, and smaller pictures look soft.
SHORT_SIDE_PIXELS = 512

#: Relative tolerance of the aspect ratio; models round to their own sizes.
_ASPECT_TOLERANCE = 0.03

_DESCRIPTIONS = {
    "pictures_decode": "Every picture decodes from its first to its last row.",
    "pictures_large_enough": f"Every picture has at least {SHORT_SIDE_PIXELS} pixels on its short side.",
    "pictures_not_flat": "Every picture shows more than one colour.",
    "pictures_aspect_ratio": "Every picture has the requested aspect ratio.",
}

_WARNINGS_ONLY = {"pictures_aspect_ratio"}


def _specs() -> list[dg.AssetCheckSpec]:
    with warnings.catch_warnings():
        # Partitioned checks are a preview feature; without them all projects would share one status.
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return [
            dg.AssetCheckSpec(name, asset=ASSETS_READY, description=description, partitions_def=projects)
            for name, description in _DESCRIPTIONS.items()
        ]


CHECKS = _specs()


def check_pictures(
    pictures: Mapping[str, PictureFacts | None], *, aspect_ratios: Mapping[str, str]
) -> Iterator[dg.AssetCheckResult]:
    """Yields one result per check; its metadata names the pictures that fail it.

    Args:
        pictures: Facts of the files by picture name; None for a file that does not decode.
        aspect_ratios: Requested ``W:H`` by picture name.
    """
    good: dict[str, Callable[[str, PictureFacts], bool]] = {
        "pictures_decode": lambda _name, _facts: True,
        "pictures_large_enough": lambda _name, facts: min(facts.width, facts.height) >= SHORT_SIDE_PIXELS,
        "pictures_not_flat": lambda _name, facts: not facts.flat,
        "pictures_aspect_ratio": lambda name, facts: _has_ratio(facts, aspect_ratios[name]),
    }
    for name, is_good in good.items():
        bad = [picture for picture, facts in pictures.items() if facts is None or not is_good(picture, facts)]
        shown = f"{', '.join(bad)} of {len(pictures)} do not" if bad else f"all {len(pictures)} do"
        yield dg.AssetCheckResult(
            check_name=name,
            asset_key=ASSETS_READY,
            passed=not bad,
            severity=dg.AssetCheckSeverity.WARN if name in _WARNINGS_ONLY else dg.AssetCheckSeverity.ERROR,
            description=f"{_DESCRIPTIONS[name]} Here: {shown}.",
            metadata={"failing": dg.MetadataValue.json(bad)},
        )


def _has_ratio(facts: PictureFacts, ratio: str) -> bool:
    width, height = (int(part) for part in ratio.split(":"))
    return abs(facts.width * height / (facts.height * width) - 1) <= _ASPECT_TOLERANCE

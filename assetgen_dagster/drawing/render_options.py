"""How a project's pictures are to look beside their prompts: what its settings and its channel say of all of them.

The one place that knows which of several sayings holds.
"""

from dataclasses import dataclass

from assetgen_dagster.manifest.model import AssetPrompt
from assetgen_dagster.project.channels import Channel
from assetgen_dagster.providers.ratios import drawable_ratio
from assetgen_dagster.providers.registry import provider_of
from assetgen_dagster.settings import Settings


@dataclass(frozen=True)
class RenderOptions:
    """What holds for all pictures of a project.

    Attributes:
        aspect_ratio: ``W:H``.
        style: Joins every prompt; may be empty.
        ratios: What the provider draws.
    """

    aspect_ratio: str
    style: str = ""
    ratios: tuple[str, ...] = ()

    def aspect_ratio_of(self, asset: AssetPrompt) -> str:
        """Returns the ratio, ``W:H``, that a picture is asked for in: its own if the provider draws it."""
        own = asset.aspect_ratio and drawable_ratio(asset.aspect_ratio, self.ratios)
        return own or self.aspect_ratio

    @property
    def is_undrawable(self) -> bool:
        """Whether the provider draws no such ratio, as far as is known."""
        return drawable_ratio(self.aspect_ratio, self.ratios) is None

    def refuses(self, asset: AssetPrompt) -> bool:
        """Tells whether a picture has a ratio of its own that the provider does not draw."""
        return asset.aspect_ratio is not None and drawable_ratio(asset.aspect_ratio, self.ratios) is None


def render_options_of(settings: Settings, channel: Channel) -> RenderOptions:
    """Returns the look of a channel's projects: what the channel says counts more than the settings."""
    ratios = provider_of(settings).ratios
    ratio = channel.aspect_ratio or settings.gemini_aspect_ratio
    # As the API writes it. What is not known to be drawn is left to the API, which may have learned it since.
    return RenderOptions(drawable_ratio(ratio, ratios) or ratio, channel.style or "", ratios)

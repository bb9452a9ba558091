"""Options for all pictures of a project, besides their prompts: aspect ratio and style.

The one place that decides between settings, channel and picture.
"""

from dataclasses import dataclass

from assetgen_dagster.manifest.model import AssetPrompt
from assetgen_dagster.project.channels import Channel
from assetgen_dagster.providers.ratios import drawable_ratio
from assetgen_dagster.providers.registry import provider_of
from assetgen_dagster.settings import Settings


@dataclass(frozen=True)
class RenderOptions:
    """Options for all pictures of a project.

    Attributes:
        aspect_ratio: ``W:H``.
        style: Added to every prompt; may be empty.
        ratios: The ratios that the provider draws.
    """

    aspect_ratio: str
    style: str = ""
    ratios: tuple[str, ...] = ()

    def aspect_ratio_of(self, asset: AssetPrompt) -> str:
        """Returns the ratio, ``W:H``, to request a picture in: its own if the provider draws it."""
        own = asset.aspect_ratio and drawable_ratio(asset.aspect_ratio, self.ratios)
        return own or self.aspect_ratio

    @property
    def is_undrawable(self) -> bool:
        """Whether the provider is not known to draw this ratio."""
        return drawable_ratio(self.aspect_ratio, self.ratios) is None

    def refuses(self, asset: AssetPrompt) -> bool:
        """Returns whether a picture has its own ratio, and the provider does not draw it."""
        return asset.aspect_ratio is not None and drawable_ratio(asset.aspect_ratio, self.ratios) is None


def render_options_of(settings: Settings, channel: Channel) -> RenderOptions:
    """Returns the options of a channel's projects: the channel overrides the settings."""
    ratios = provider_of(settings).ratios
    ratio = channel.aspect_ratio or settings.gemini_aspect_ratio
    # As the API writes it. An unknown ratio is sent unchanged: the API may draw it by now.
    return RenderOptions(drawable_ratio(ratio, ratios) or ratio, channel.style or "", ratios)

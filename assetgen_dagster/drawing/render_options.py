"""How a project's pictures are to look beside their prompts: what its settings and its channel say of all of them.

The one place that knows which of several sayings holds.
"""

from dataclasses import dataclass

from assetgen_dagster.manifest.model import AssetPrompt
from assetgen_dagster.project.channels import Channel
from assetgen_dagster.providers.ratios import drawable_ratio
from assetgen_dagster.settings import Settings


@dataclass(frozen=True)
class RenderOptions:
    """What holds for all pictures of a project.

    Attributes:
        aspect_ratio: ``W:H``.
        style: Joins every prompt; may be empty.
        model: Gemini model that draws; None if a script of somebody else's decides that.
    """

    aspect_ratio: str
    style: str = ""
    model: str | None = None

    def aspect_ratio_of(self, asset: AssetPrompt) -> str:
        """Returns the ratio, ``W:H``, that a picture is asked for in: its own if the model draws it."""
        own = asset.aspect_ratio and drawable_ratio(asset.aspect_ratio, self.model)
        return own or self.aspect_ratio

    @property
    def is_undrawable(self) -> bool:
        """Whether the model draws no such ratio, as far as is known."""
        return drawable_ratio(self.aspect_ratio, self.model) is None

    def refuses(self, asset: AssetPrompt) -> bool:
        """Tells whether a picture has a ratio of its own that the model does not draw."""
        return asset.aspect_ratio is not None and drawable_ratio(asset.aspect_ratio, self.model) is None


def render_options_of(settings: Settings, channel: Channel) -> RenderOptions:
    """Returns the look of a channel's projects: what the channel says counts more than the settings."""
    model = settings.gemini_image_model if settings.own_script else None
    ratio = channel.aspect_ratio or settings.gemini_aspect_ratio
    # As the API writes it. What is not known to be drawn is left to the API, which may have learned it since.
    return RenderOptions(drawable_ratio(ratio, model) or ratio, channel.style or "", model)

"""The estimate of a picture's cost if its price is unknown."""


def estimate_cost(asset_count: int, cost_per_image_usd: float = 0.068) -> float:
    """Returns the story's estimate for ``asset_count`` pictures, in USD: 22 are 1.496."""
    return round(asset_count * cost_per_image_usd, 6)

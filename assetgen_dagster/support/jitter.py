"""Spreads retries, so that callers do not all come back at once."""

#: The largest share of a wait that is added to it.
JITTER = 0.25


def jittered(seconds: float, random: float) -> float:
    """Returns a wait made longer at random.

    Args:
        seconds: The wait.
        random: Between 0 and 1.
    """
    return seconds * (1 + JITTER * random)

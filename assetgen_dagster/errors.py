"""The one error that a person can do something about; everything else is a bug and keeps its stack trace."""


class AssetgenError(Exception):
    """Something a producer or operator can mend: says what is wrong and what to do, in plain words."""

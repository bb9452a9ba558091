"""The ``assetgen`` command: ``commands`` is what a person types, a few lines each; the other modules do the work."""

"""The subcommands of ``assetgen``: each a few lines over a function of its own module, which it imports when called."""

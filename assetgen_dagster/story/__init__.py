"""What to draw: the manifest, its reader for ``03_assets.md``, and prompts from a topic and a story direction."""

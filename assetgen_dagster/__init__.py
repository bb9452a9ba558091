"""Draws the pictures of an AI-made nature documentary as Dagster assets, each paid for once."""

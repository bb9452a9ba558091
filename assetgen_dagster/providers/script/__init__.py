"""A producer's own script."""

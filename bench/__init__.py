"""Measurements, each as a ratio to a reference run beside it. Run by ``make bench``."""

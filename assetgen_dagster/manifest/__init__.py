"""What to draw: the manifest as a model and a file, names of its files, references, selection of its pictures."""

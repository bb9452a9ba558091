"""Drawing it: workspace paths, the script runner, error classes, retry, rounds and records, pictures."""

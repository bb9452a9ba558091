"""One project: its key, its channel, its files, its records, and the lock that keeps two runs off it."""

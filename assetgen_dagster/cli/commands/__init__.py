"""The subcommands. They load what is heavy (Dagster takes 2 s) only when they run: ``--help`` must not wait."""

"""The subcommands. They import slow packages (Dagster takes 2 s) only when they run, to keep ``--help`` fast."""

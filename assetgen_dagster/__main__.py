"""``python -m assetgen_dagster``: the ``assetgen`` command."""

from assetgen_dagster.cli import main

main()

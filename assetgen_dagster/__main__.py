"""``python -m assetgen_dagster``: the ``assetgen`` command."""

from assetgen_dagster.cli.main import main

main()

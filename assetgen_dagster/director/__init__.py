"""Decides where a project's manifest comes from: a person, a document, or a topic and a story direction.

``source`` decides between ``asset_manifest.json`` as a person edited it, a producer's ``03_assets.md``, and the two
texts. From those, ``director`` writes by tables: ``brief`` reads them with ``subject`` (hero, places) and ``beats``
(the sentences), ``stages`` gives each picture season, hour and weather, ``rules`` says what cannot be there. The words
are tables in ``world/``, read by ``tables``, prepared by ``lexicons``, found by ``matching``. In ``model``, a language
model writes instead. ``manifest_rules`` holds what both have to keep to.
"""

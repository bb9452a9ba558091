"""What to draw: the manifest, and the three ways to one.

``source`` decides between them: ``asset_manifest.json`` as a person edited it; a producer's ``03_assets.md``, which
``document`` reads (how, says ``reader``); a topic and a story direction, from which ``director`` writes.

- The manifest: ``manifest``, ``references`` (which picture refers to which), ``names`` (of files), ``manifest_rules``
  (what one has to keep to that no person wrote), ``manifest_errors`` (what is wrong with a JSON), ``preview``,
  ``selection`` (which pictures "5, 13, env_cave" means).
  What people type and paste is made safe by ``text``.
- The director: ``brief`` reads the two texts with ``subject`` (hero, places) and ``beats`` (the sentences), ``stages``
  gives each picture season, hour and weather, ``rules`` says what cannot be there. The words are tables in ``world/``,
  read by ``tables``, made ready by ``lexicons``, found by ``words``.
"""

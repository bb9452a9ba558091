"""Reads a producer's ``03_assets.md`` into a manifest: ``read_document``. All other modules in here are its steps.

The way of a document, each step with what the one before made of it::

    text
     │  normalize     lines: forgotten fences closed, HTML around Markdown taken away
     │  blocks        markdown-it-py; ``Block``: a heading, a bold line, a text, a fence, a table, a rule
     │  parts         ``Part``: lists, clip table, atmosphere, prompts, by their headings (``atmosphere`` reads its own)
     │
     │  infer_prompt_section   where the prompts begin if no heading says so
     │
     │  Part 4 only:
     │  pictures      ``Section``: a title and the blocks below it; which of them are pictures
     │    items       list items with a title of their own
     │    entries     table rows, list items, led paragraphs become sections, too (``table_entries``, ``fences``)
     │    drafts      a section becomes a ``Picture``: which line is its prompt, its file name, a word beside it
     │
     │  for each picture, in ``document``:
     │  flags         Midjourney's are taken out of the prompt
     │  categories    character, environment or prop: by file name, title, group, and the ``lists`` of Part 1
     ▼  unparsed      no line of Part 4 is dropped in silence
    AssetManifest

Used by several steps: ``labels`` (what a line such as ``**Filename:** fox.png`` labels), ``groups`` (what a title says
about the pictures below it), ``sections`` (``Section`` and ``Picture``), ``diagnostics`` (warnings and notes by line).
"""

from assetgen_dagster.documents.document import DocumentError, UnreadPicturesError, check_all_read, read_document

__all__ = ["DocumentError", "UnreadPicturesError", "check_all_read", "read_document"]

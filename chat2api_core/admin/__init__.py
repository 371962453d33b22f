"""Looking after a running gateway: its keys, prefixes, proxies and accounts, edited as a document.

``sections`` and ``upload`` are pure (the document's parts, and accounts as people paste them),
``homes`` is where the document is kept, ``desk`` reads, checks and saves it, ``session`` and
``attempts`` guard the door.
"""

"""The dialects of ``/v1/audio``: transcriptions, translations and speech.

``hearing`` reads the forms of the first two, ``written`` writes what was heard; ``speech`` reads a
request to speak and writes the events of its stream; ``parameters`` is the table of what all of
them may hold. Nothing here does I/O.
"""

"""What the emulated service answers, path by path: one module per group of calls.

A handler takes the ``World`` and a ``Visit`` and returns an ``Answer`` or a ``Playback``, or raises
``Refused``. It does no I/O and waits for nothing.
"""

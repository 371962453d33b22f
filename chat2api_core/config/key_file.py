"""The key that seals what the store of a local server holds: made once, kept in a file of its own.

In: a path. Out: the key in it. The one rule: of several processes that start at the same time all
get the same key, and nobody but the file's owner can read it.
"""

import os
from pathlib import Path

from chat2api_core.ambient import Ids
from chat2api_core.secret import Secret

_DIGITS = 64
_SHORTEST = 16


def read_or_make(path: Path, ids: Ids) -> Secret:
    """The key in the file, which is made with its folder if it is not there. Raises ``OSError``
    where that cannot be done, and where the file holds no key."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        _make(path, ids)
    key = path.read_text("ascii", "replace").strip()
    if len(key) < _SHORTEST:
        raise OSError(f"{path.name} holds no key")
    return Secret(key)


def _make(path: Path, ids: Ids) -> None:
    """Write it whole under another name first: a link appears at once or not at all."""
    draft = path.with_name(f"{path.name}.{ids.hex(16)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(ids.hex(_DIGITS) + "\n")
        try:
            os.link(draft, path)
        except FileExistsError:
            return  # another process was faster, and its key is the one
    finally:
        draft.unlink()

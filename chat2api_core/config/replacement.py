"""A settings file written over: whole or not at all, whatever happens in between.

In: the path and the new content. Out: the file, with the permissions that it had. The rule: the new
content is on the disk beside the old one before it takes its name.
"""

import os
import stat
import tempfile
from pathlib import Path


def replace_file(path: Path, content: bytes) -> None:
    """Write the file. A new one is its owner's alone. Raises ``OSError``."""
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o600
    descriptor, name = tempfile.mkstemp(prefix=".new-", suffix=".yaml", dir=path.parent)
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.chmod(mode)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)

"""Where the settings document is kept: a file here, the store that instances share, or nowhere.

In: the text of a document. Out: the same text with its version, wherever it is read. The one rule:
what was changed by somebody else in between is never written over; that raises ``Stale``.
"""

import asyncio
import hashlib
from pathlib import Path
from typing import NamedTuple, Protocol

from chat2api_core.seal import BadSeal, Sealer
from chat2api_core.stores.base import LARGEST
from chat2api_core.stores.guard import GuardedStore

_KEY = "settings:document"


class Kept(NamedTuple):
    """A document and the version of its text."""

    text: str
    version: str


class Stale(Exception):
    """Somebody else has changed the document since it was read. Nothing was written."""


class Unwritable(Exception):
    """The document cannot be kept here. The message says why, for people."""


class Home(Protocol):
    """Where a document is kept. ``where`` is for people; ``closed`` says why nothing can be
    written, empty where something can; ``known`` whether a process starts with what is there."""

    @property
    def where(self) -> str: ...

    @property
    def closed(self) -> str: ...

    @property
    def known(self) -> bool: ...

    async def mark(self) -> str:
        """Something cheap that changes whenever the text does. Raises ``StoreDown``."""
        ...

    async def read(self) -> Kept:
        """The document, empty where there is none yet. Raises ``Unwritable`` or ``StoreDown``."""
        ...

    async def write(self, text: str, before: Kept, /) -> None:
        """Keep a new text in place of the one that was read. Raises ``Stale``, ``Unwritable`` or
        ``StoreDown``."""
        ...


def version_of(text: str) -> str:
    """The version of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class FileHome:
    """A YAML file. The one before stays beside it as ``<name>.bak``."""

    closed = ""
    known = True

    def __init__(self, path: Path) -> None:
        self._path = path
        self.where = str(path)

    async def mark(self) -> str:
        try:
            known = self._path.stat()
        except OSError:
            return ""
        return f"{known.st_mtime_ns}:{known.st_size}:{known.st_ino}"

    async def read(self) -> Kept:
        return await asyncio.to_thread(self._read)

    async def write(self, text: str, before: Kept) -> None:
        await asyncio.to_thread(self._write, text, before)

    def _read(self) -> Kept:
        try:
            text = self._path.read_bytes().decode("utf-8-sig")
        except FileNotFoundError:
            text = ""
        except (OSError, UnicodeDecodeError) as error:
            raise Unwritable(f"The file cannot be read ({type(error).__name__}).") from error
        return Kept(text, version_of(text))

    def _write(self, text: str, before: Kept) -> None:
        if self._read().version != before.version:
            raise Stale
        import shutil  # noqa: PLC0415 (only who saves pays for it)

        from chat2api_core.config.replacement import replace_file  # noqa: PLC0415 (as above)

        try:
            real = self._path.resolve()
            real.parent.mkdir(parents=True, exist_ok=True)
            if real.exists():
                shutil.copy2(real, real.with_name(real.name + ".bak"))
            replace_file(real, text.encode())
        except OSError as error:
            raise Unwritable(f"The file cannot be written ({error.strerror}).") from error


class StoreHome:
    """One sealed value in the store that all instances share."""

    closed = ""
    known = False

    def __init__(self, store: GuardedStore, sealer: Sealer) -> None:
        self._store = store
        self._sealer = sealer
        self.where = f"the shared store ({store.name})"

    async def mark(self) -> str:
        raw = await self._store.get(_KEY)
        return hashlib.sha256(raw).hexdigest() if raw else ""

    async def read(self) -> Kept:
        text = self._open(await self._store.sure.get(_KEY))
        return Kept(text, version_of(text))

    async def write(self, text: str, before: Kept) -> None:
        raw = await self._store.sure.get(_KEY)
        if self._open(raw) != before.text:
            raise Stale
        sealed = self._sealer.seal(text.encode(), _KEY)
        if len(sealed) > LARGEST:
            raise Unwritable("The settings are too large for the store.")
        if not await self._store.sure.swap(_KEY, raw, sealed):
            raise Stale

    def _open(self, raw: bytes | None) -> str:
        try:
            return self._sealer.open(raw, _KEY).decode() if raw else ""
        except BadSeal as error:
            raise Unwritable(f"The settings in the store cannot be opened. {error}") from error


class NoHome:
    """Nothing is kept; ``closed`` says why."""

    where = ""
    known = True

    def __init__(self, why: str) -> None:
        self.closed = why

    async def mark(self) -> str:
        return ""

    async def read(self) -> Kept:
        return Kept("", version_of(""))

    async def write(self, _text: str, _before: Kept) -> None:
        raise Unwritable(self.closed)

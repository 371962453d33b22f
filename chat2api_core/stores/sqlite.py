"""A store in one SQLite file: for one machine, any number of processes, and it survives restarts.

In: names and bytes. Out: the same. The one rule: every verb is one SQL statement, so that SQLite's
own lock keeps other processes out, and a write has reached the disk when it returns.

The file can be read by its owner only. SQLite blocks, so one thread of its own holds the one
connection and does one statement after the other; the event loop never waits for the disk.
"""

import asyncio
import os
import sqlite3
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeAlias

import msgspec

from chat2api_core.ambient import Clock
from chat2api_core.stores.base import (
    ONCE_FOR,
    NotACounter,
    StoreDown,
    check_key,
    check_prefix,
    check_ttl,
    check_value,
    once_name,
)

_Value: TypeAlias = str | bytes | float | None
_Row: TypeAlias = tuple[bytes | int, ...]

_WAIT = 2.0  # seconds for the lock of another process
_SWEEP_EVERY = 60.0
_FORM = 1

# `held` has no declared type: a BLOB (a value) and an INTEGER (a counter) stay what they are.
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS entries (key TEXT PRIMARY KEY, held NOT NULL, until REAL)",
    "CREATE INDEX IF NOT EXISTS entries_until ON entries (until) WHERE until IS NOT NULL",
    f"PRAGMA user_version = {_FORM}",
)
_GET = """SELECT held FROM entries
    WHERE key = :key AND (until IS NULL OR until > :now)"""
_GET_MANY = """SELECT key, held FROM entries
    WHERE key IN (SELECT value FROM json_each(:keys)) AND (until IS NULL OR until > :now)"""
_PUT = """INSERT INTO entries VALUES (:key, :held, :until)
    ON CONFLICT (key) DO UPDATE SET held = excluded.held, until = excluded.until"""
_ADD = """INSERT INTO entries VALUES (:key, :held, :until)
    ON CONFLICT (key) DO UPDATE SET held = excluded.held, until = excluded.until
    WHERE entries.until <= :now RETURNING 1"""
_SWAP = """UPDATE entries SET held = :held, until = :until
    WHERE key = :key AND held = :old AND (until IS NULL OR until > :now) RETURNING 1"""
_DELETE = "DELETE FROM entries WHERE key = :key"
_DELETE_IF = """DELETE FROM entries
    WHERE key = :key AND held = :old AND (until IS NULL OR until > :now) RETURNING 1"""
_INCREMENT = """INSERT INTO entries VALUES (:key, :held, :until)
    ON CONFLICT (key) DO UPDATE SET
        held = CASE WHEN entries.until <= :now THEN excluded.held
                    ELSE entries.held + excluded.held END,
        until = CASE WHEN entries.until <= :now THEN excluded.until ELSE entries.until END
    WHERE entries.until <= :now OR typeof(entries.held) = 'integer' RETURNING held"""
# One row for each counter, and one for the name of the batch: all of them or none.
_INCREMENT_MANY = """WITH wanted AS (SELECT json_extract(value, '$[0]') AS key,
        json_extract(value, '$[1]') AS held, json_extract(value, '$[2]') AS until
        FROM json_each(:rows))
    INSERT INTO entries SELECT key, held, until FROM wanted WHERE NOT EXISTS (
        SELECT 1 FROM entries WHERE key IN (SELECT key FROM wanted)
        AND (until IS NULL OR until > :now) AND (typeof(held) <> 'integer' OR key = :once))
    ON CONFLICT (key) DO UPDATE SET
        held = CASE WHEN entries.until <= :now THEN excluded.held
                    ELSE entries.held + excluded.held END,
        until = CASE WHEN entries.until <= :now THEN excluded.until ELSE entries.until END
    RETURNING 1"""
_KEYS = """SELECT key FROM entries
    WHERE key >= :prefix AND key < :end AND (until IS NULL OR until > :now)
    ORDER BY key LIMIT :limit"""
_SWEEP = "DELETE FROM entries WHERE until <= :now"
_AFTER_ASCII = "\x7f"


class SqliteStore:
    """A ``Store`` in the file ``path``, which is made, with its folder, at the first question.

    Its time is ``clock.now``, and processes that share the file share the machine's clock."""

    name: Final = "sqlite"
    durable: Final = True

    def __init__(self, path: Path, clock: Clock, *, wait: float = _WAIT) -> None:
        self._path = path
        self._clock = clock
        self._wait = wait
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="chat2api-sqlite")
        self._connection: sqlite3.Connection | None = None
        self._swept = 0.0

    async def get(self, key: str) -> bytes | None:
        rows = await self._run(_GET, key=check_key(key))
        return _value(rows[0][0]) if rows else None

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        names = msgspec.json.encode([check_key(key) for key in keys]).decode()
        found = {str(row[0]): _value(row[1]) for row in await self._run(_GET_MANY, keys=names)}
        return [found.get(key) for key in keys]

    async def put(self, key: str, value: bytes, ttl: float | None = None) -> None:
        await self._run(_PUT, key=check_key(key), held=check_value(value), until=self._until(ttl))

    async def add(self, key: str, value: bytes, ttl: float | None = None) -> bool:
        held, until = check_value(value), self._until(ttl)
        return bool(await self._run(_ADD, key=check_key(key), held=held, until=until))

    async def swap(self, key: str, old: bytes | None, new: bytes, ttl: float | None = None) -> bool:
        if old is None:
            return await self.add(key, new, ttl)
        held, until = check_value(new), self._until(ttl)
        return bool(await self._run(_SWAP, key=check_key(key), old=old, held=held, until=until))

    async def delete(self, key: str) -> None:
        await self._run(_DELETE, key=check_key(key))

    async def delete_if(self, key: str, old: bytes) -> bool:
        return bool(await self._run(_DELETE_IF, key=check_key(key), old=old))

    async def increment(self, key: str, by: int = 1, ttl: float | None = None) -> int:
        rows = await self._run(_INCREMENT, key=check_key(key), held=by, until=self._until(ttl))
        if not rows:
            raise NotACounter("This key holds a value, not a counter.")
        return int(rows[0][0])

    async def increment_many(
        self, amounts: Mapping[str, int], ttl: float | None = None, *, once: str = ""
    ) -> None:
        until = self._until(ttl)
        rows = [(check_key(key), by, until) for key, by in amounts.items()]
        name = once_name(once) if once else ""
        if name:
            rows.append((name, 1, self._until(ONCE_FOR)))
        if not rows:
            return
        told = msgspec.json.encode(rows).decode()
        done = await self._run(_INCREMENT_MANY, rows=told, once=name)
        if not done and not (name and await self._run(_GET, key=name)):
            raise NotACounter("A key of these holds a value, not a counter.")

    async def keys(self, prefix: str, limit: int = 1000) -> list[str]:
        end = check_prefix(prefix) + _AFTER_ASCII
        rows = await self._run(_KEYS, prefix=prefix, end=end, limit=limit)
        return [str(row[0]) for row in rows]

    async def aclose(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._close)
        self._thread.shutdown(wait=False)

    def _until(self, ttl: float | None) -> float | None:
        checked = check_ttl(ttl)
        return None if checked is None else self._clock.now() + checked

    async def _run(self, statement: str, **values: _Value) -> list[_Row]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._in_thread, statement, values)

    # What follows runs in the thread.

    def _in_thread(self, statement: str, values: dict[str, _Value]) -> list[_Row]:
        try:
            if self._connection is None:
                self._connection = _connect(self._path, self._wait)
            self._sweep(self._connection)
            values["now"] = self._clock.now()
            return self._connection.execute(statement, values).fetchall()
        except (sqlite3.Error, OSError) as error:
            kind = type(error).__name__
            raise StoreDown(f"The database file cannot be used ({kind}).") from error

    def _sweep(self, database: sqlite3.Connection) -> None:
        now = self._clock.now()
        if abs(now - self._swept) >= _SWEEP_EVERY:
            self._swept = now
            database.execute(_SWEEP, {"now": now})

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _connect(path: Path, wait: float) -> sqlite3.Connection:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Made here, because SQLite would let others read it; its side files take over the mode.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    database = sqlite3.connect(path, timeout=wait, isolation_level=None)
    try:
        _prepare(database)
    except BaseException:
        database.close()
        raise
    return database


def _prepare(database: sqlite3.Connection) -> None:
    form = database.execute("PRAGMA user_version").fetchone()[0]
    if form > _FORM:
        raise StoreDown("The database file was written by a newer version of this program.")
    database.execute("PRAGMA journal_mode = WAL").fetchone()
    database.execute("PRAGMA synchronous = FULL")  # what was confirmed outlives a power cut
    if form < _FORM:
        for statement in _SCHEMA:
            database.execute(statement)


def _value(held: bytes | int) -> bytes:
    return held if isinstance(held, bytes) else b"%d" % held

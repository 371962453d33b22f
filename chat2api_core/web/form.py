"""The body of a request as a form: fields, and files that are kept on disk where they are large.

In: an exchange whose body is ``multipart/form-data``, and how much of it is taken. Out: a ``Form``.
The one rule: of a file at most a megabyte is in memory, and nothing of it is left when the form is
closed. Parts whose names end in ``[]`` are lists, under the name without the brackets, as the
official clients write them.
"""

import tempfile
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

from msgspec import Struct
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from chat2api_core.problem import Kind, Problem
from chat2api_core.web.exchange import Exchange

_CHUNK = 64 * 1024
_MAX_FIELDS = 200
_ENVELOPE = 64 * 1024  # bytes that boundaries and small fields may take beside the files


class Limits(Struct, frozen=True):
    """``files`` is how many may come; ``file`` is the largest, ``field`` the longest, in bytes."""

    files: int = 1
    file: int = 20_000_000
    field: int = 64 * 1024


class Upload:
    """A file of a form. ``name`` and ``mime`` are what the client says, ``size`` is in bytes."""

    __slots__ = ("_file", "mime", "name", "size")

    def __init__(self, file: UploadFile) -> None:
        self._file = file
        self.name = file.filename or ""
        self.mime = (file.content_type or "").partition(";")[0].strip().lower()
        self.size = file.size or 0

    async def pieces(self) -> AsyncIterator[bytes]:
        """The file from its beginning; may be asked for again."""
        await self._file.seek(0)
        while piece := await self._file.read(_CHUNK):
            yield piece

    async def read(self) -> bytes:
        """The whole file."""
        await self._file.seek(0)
        return await self._file.read()


class Form:
    """What was sent. A name that was sent several times has several values, in their order."""

    def __init__(self, fields: dict[str, list[str]], files: dict[str, list[Upload]]) -> None:
        self.fields = fields
        self.files = files

    def field(self, name: str) -> str | None:
        """The last value of a field; None where there is none."""
        values = self.fields.get(name)
        return values[-1] if values else None

    def file(self, name: str) -> Upload:
        """The one file of that name. Raises ``Problem`` INVALID_REQUEST unless there is one."""
        files = self.files.get(name, [])
        if len(files) != 1:
            words = "is missing: it has to be a file" if not files else "may be sent once"
            raise _wrong(f"{name} {words}.", name)
        return files[0]


@asynccontextmanager
async def read_form(exchange: Exchange, limits: Limits) -> AsyncIterator[Form]:
    """Read the body as a form; leaving the block deletes its files.

    Raises ``Problem``: INVALID_REQUEST for what is no such form, TOO_LARGE for too much of it."""
    if not exchange.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise _wrong("The body must be multipart/form-data, as for uploading a file.", None)
    settings = exchange.gateway.settings
    most = max(settings.max_body, limits.files * limits.file + _ENVELOPE)
    parser = _Parser(
        Headers(scope=exchange.scope),
        exchange.pieces(most, "MAX_BODY, MAX_FILE"),
        max_files=limits.files,
        max_fields=_MAX_FIELDS,
        max_part_size=limits.field,
    )
    try:
        data = await parser.parse()
    except MultiPartException as error:
        raise _wrong(f"The form could not be read: {error.message}", None) from error
    except OSError as error:
        folder = tempfile.gettempdir()
        message = f"The file could not be put aside: {folder} is full or not writable."
        raise Problem(Kind.INTERNAL, message, step="request") from error
    try:
        yield _form(data, limits)
    finally:
        await data.close()


class _Parser(MultiPartParser):
    """Takes no form for whole whose last boundary has not come."""

    def __init__(
        self,
        headers: Headers,
        stream: AsyncGenerator[bytes, None],
        *,
        max_files: int,
        max_fields: int,
        max_part_size: int,
    ) -> None:
        super().__init__(
            headers,
            self._watched(stream),
            max_files=max_files,
            max_fields=max_fields,
            max_part_size=max_part_size,
        )
        self._ended = False

    def on_end(self) -> None:
        self._ended = True

    async def _watched(self, stream: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        async for piece in stream:
            yield piece
        if not self._ended:  # raised within ``parse``, which then puts away what it has
            raise MultiPartException("it ends before its last boundary.")


def _form(data: FormData, limits: Limits) -> Form:
    fields: dict[str, list[str]] = {}
    files: dict[str, list[Upload]] = {}
    for name, value in data.multi_items():
        plain = name.removesuffix("[]")
        if isinstance(value, str):
            fields.setdefault(plain, []).append(value)
            continue
        upload = Upload(value)
        if upload.size > limits.file:
            text = f"{plain} is larger than {limits.file} bytes (MAX_FILE)."
            raise Problem(Kind.TOO_LARGE, text, step="request", param=plain)
        files.setdefault(plain, []).append(upload)
    return Form(fields, files)


def _wrong(message: str, param: str | None) -> Problem:
    return Problem(Kind.INVALID_REQUEST, message, step="request", param=param)

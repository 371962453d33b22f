"""OpenAI's Files API: what a client may say with an upload, and how files are shown. Pure.

In: the fields of a form, the parameters of a list. Out: what is asked, or ``Problem`` with the name
of the parameter; JSON documents. The rule: what cannot be done is refused by name, never ignored.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec
from msgspec import Struct

from chat2api_core.problem import Kind, Problem

Order: TypeAlias = Literal["asc", "desc"]

_TAKEN = ("user_data", "assistants", "vision")
_USELESS = {
    "batch": "there are no batches here",
    "fine-tune": "nothing can be fine-tuned here",
    "evals": "there are no evals here",
}
_KNOWN = frozenset({"purpose", "expires_after[anchor]", "expires_after[seconds]"})
_SHORTEST, _LONGEST = 3600, 2_592_000  # seconds that a file may be asked to live
_PAGE = 10_000


class FileObject(Struct, frozen=True, kw_only=True):
    """A file as it is shown. ``expires_at`` is unix seconds."""

    id: str
    object: Literal["file"] = "file"
    bytes: int
    created_at: int
    expires_at: int | None = None
    filename: str
    purpose: str
    status: Literal["processed"] = "processed"
    status_details: None = None


class Upload(Struct, frozen=True):
    """What is asked beside the file itself. ``life`` is in seconds, 0 for no end."""

    purpose: str
    life: int = 0


class Listing(Struct, frozen=True):
    """Which part of the list is asked for."""

    purpose: str = ""
    after: str = ""
    limit: int = _PAGE
    order: Order = "desc"


def read_upload(fields: Mapping[str, str]) -> Upload:
    """What the fields of the form ask for. Raises ``Problem``."""
    for name in fields:
        if name not in _KNOWN:
            message = f"{name[:64]} is not a parameter of this endpoint."
            raise Problem(Kind.UNSUPPORTED_PARAMETER, message, step="request", param=name[:64])
    purpose = fields.get("purpose", "")
    if purpose in _USELESS:
        raise _wrong(f"purpose {purpose!r} is not supported: {_USELESS[purpose]}.", "purpose")
    if purpose not in _TAKEN:
        raise _wrong(f"purpose has to be one of {', '.join(_TAKEN)}.", "purpose")
    return Upload(purpose, _life(fields))


def read_listing(query: Mapping[str, str]) -> Listing:
    """What the parameters of a list ask for. Raises ``Problem``."""
    limit = query.get("limit", str(_PAGE))
    if not 1 <= _number(limit) <= _PAGE:
        raise _wrong(f"limit has to be a number from 1 to {_PAGE}.", "limit")
    order = query.get("order", "desc")
    if order not in ("asc", "desc"):
        raise _wrong("order has to be asc or desc.", "order")
    direction: Order = "asc" if order == "asc" else "desc"
    return Listing(query.get("purpose", ""), query.get("after", ""), int(limit), direction)


def shown(file: FileObject) -> bytes:
    """A file as a document."""
    return msgspec.json.encode(file)


def page_of(files: Sequence[FileObject], listing: Listing) -> bytes:
    """One page of the files, which come newest first. Raises ``Problem`` where ``after`` is none of
    them."""
    chosen = [one for one in files if listing.purpose in ("", one.purpose)]
    if listing.order == "asc":
        chosen.reverse()
    start = 0
    if listing.after:
        ids = [one.id for one in chosen]
        if listing.after not in ids:
            raise _wrong("after has to be the id of a file of this list.", "after")
        start = ids.index(listing.after) + 1
    part = chosen[start : start + listing.limit]
    return msgspec.json.encode(
        {
            "object": "list",
            "data": part,
            "first_id": part[0].id if part else None,
            "last_id": part[-1].id if part else None,
            "has_more": start + len(part) < len(chosen),
        }
    )


def deleted(file_id: str) -> bytes:
    """That a file is no more."""
    return msgspec.json.encode({"id": file_id, "object": "file", "deleted": True})


def _life(fields: Mapping[str, str]) -> int:
    anchor, seconds = (fields.get(f"expires_after[{name}]") for name in ("anchor", "seconds"))
    if anchor is None and seconds is None:
        return 0
    if anchor != "created_at":
        raise _wrong("expires_after[anchor] has to be created_at.", "expires_after[anchor]")
    number = _number(seconds or "")
    if not _SHORTEST <= number <= _LONGEST:
        message = f"expires_after[seconds] has to be a number from {_SHORTEST} to {_LONGEST}."
        raise _wrong(message, "expires_after[seconds]")
    return number


def _number(text: str) -> int:
    """A number of few digits, -1 for anything else."""
    short = len(text) < 10  # noqa: PLR2004 (longer ones are out of every bound)
    return int(text) if short and text.isascii() and text.isdecimal() else -1


def _wrong(message: str, param: str) -> Problem:
    return Problem(Kind.INVALID_REQUEST, message, step="request", param=param)

"""The page /tokens and what it does: many accounts at once, pasted or as files.

In: accounts in any of the forms of ``admin.upload``, as JSON (``{"text": "..."}``), as a form field
``text`` or files, or as plain text. Out: counts, and where something could not be read.
"""

from email.parser import BytesParser
from urllib.parse import parse_qs

import msgspec
from msgspec import Struct

from chat2api_core.accounts.member import member_of, verdict
from chat2api_core.accounts.standing import Out
from chat2api_core.admin.sections import account_entries, id_of, kept
from chat2api_core.admin.upload import LARGEST, read_upload
from chat2api_core.problem import Kind, Problem
from chat2api_core.web.admin.answers import answer
from chat2api_core.web.admin.pages import show
from chat2api_core.web.exchange import Exchange


class Pasted(Struct):
    """The JSON form of an upload."""

    text: str


async def show_tokens(exchange: Exchange) -> None:
    """``GET /tokens``"""
    await show(exchange, "tokens.js")


async def upload(exchange: Exchange) -> None:
    """``POST /tokens/upload``: add accounts; those that are there already stay as they are."""
    text = _text(exchange.headers.get("content-type", ""), await exchange.body())
    if len(text) > LARGEST:
        raise Problem(Kind.TOO_LARGE, f"This is more than {LARGEST} characters.")
    found = read_upload(text)
    desk = exchange.gateway.desk
    before = await desk.look()
    known = {id_of(entry) for entry in account_entries(before.tree)}
    fresh = {id_of(entry) for entry in found.entries} - known
    if fresh:
        await desk.save("", lambda tree: kept(tree, lambda _: True, found.entries))
    await answer(
        exchange,
        {
            "status": "success",
            "tokens_count": len(known | fresh),
            "added": len(fresh),
            "known": len(found.entries) - len(fresh),
            "wrong": found.wrong[:100],
        },
    )


async def clear(exchange: Exchange) -> None:
    """``POST /tokens/clear``: take out all accounts that are kept in the document."""
    desk = exchange.gateway.desk
    count = len(account_entries((await desk.look()).tree))
    if count:
        await desk.save("", lambda tree: kept(tree, lambda _: False))
    await answer(exchange, {"status": "success", "tokens_count": 0, "removed": count})


async def list_errors(exchange: Exchange) -> None:
    """``GET`` or ``POST /tokens/error``: the accounts that are out, and why."""
    gateway = exchange.gateway
    accounts = gateway.settings.accounts
    await gateway.office.ledger.look(tuple(account.key for account in accounts))
    now = gateway.clock.now()
    errors: list[dict[str, str]] = []
    for account in accounts:
        standing = gateway.office.ledger.standing(account.key)
        why = verdict(member_of(account), standing, "", now).why_not
        if isinstance(why, Out):
            errors.append({"id": account.key, "email": account.email, "reason": why.message})
    await answer(exchange, {"status": "success", "error_tokens": errors})


def _text(kind: str, body: bytes) -> str:
    try:
        if kind.startswith("application/json"):
            return msgspec.json.decode(body, type=Pasted).text
        if kind.startswith("application/x-www-form-urlencoded"):
            return "\n".join(parse_qs(body.decode()).get("text", []))
        if kind.startswith("multipart/form-data"):
            return _from_parts(kind, body)
        return body.decode("utf-8-sig")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = 'This is not text, nor JSON such as {"text": "..."}.'
        raise Problem(Kind.INVALID_REQUEST, message, step="request") from error


def _from_parts(kind: str, body: bytes) -> str:
    """The fields and files of a form, one behind the other."""
    message = BytesParser().parsebytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body)
    if not message.is_multipart():
        text = "This form cannot be read: it has no boundary, or no parts."
        raise Problem(Kind.INVALID_REQUEST, text, step="request")
    parts = message.get_payload()
    payloads = [part.get_payload(decode=True) for part in parts if not isinstance(part, str)]
    return "\n".join(raw.decode("utf-8-sig") for raw in payloads if isinstance(raw, bytes))

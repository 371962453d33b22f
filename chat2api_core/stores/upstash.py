"""Redis over HTTPS, as Upstash serves it (and Vercel's KV is): one POST a command.

In: commands of ``CommandStore``, sent as a JSON array with a bearer token. Out: what stands under
``result`` of the answer; a refused command has ``error`` instead (Upstash's REST API reference).
The one rule: it needs nothing but the ``post`` that it is given, which bounds waits and answers.
"""

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from chat2api_core.problem import Problem
from chat2api_core.secret import Secret
from chat2api_core.stores.base import NotACounter, Post, StoreDown
from chat2api_core.stores.commands import PREFIX, CommandStore, Reply

_OK = 200
_REFUSED = 400  # a command that Redis does not take
_DENIED = (401, 403)


class _Answer(Struct, frozen=True):
    result: str | int | list[str | int | list[str | int | None] | None] | None = None
    error: str = ""


_decode = msgspec.json.Decoder(_Answer).decode


class RestCarrier:
    """Posts each command to one database."""

    def __init__(self, url: str, token: Secret, post: Post) -> None:
        self._url = url
        self._token = token
        self._post = post

    async def aclose(self) -> None:
        """Nothing to give back: the connections belong to ``post``."""

    async def run(self, command: Sequence[str]) -> Reply:
        headers = {
            "authorization": f"Bearer {self._token.reveal()}",
            "content-type": "application/json",
        }
        try:
            status, body = await self._post(self._url, headers, msgspec.json.encode(command))
        except Problem as problem:
            raise StoreDown(f"Upstash cannot be reached ({problem.kind.name}).") from problem
        if status in _DENIED:
            raise StoreDown("Upstash refused the token.")
        if status not in {_OK, _REFUSED}:
            raise StoreDown(f"Upstash answered with status {status}.")
        try:
            answer = _decode(body)
        except msgspec.DecodeError as error:
            raise StoreDown("Upstash gave an answer that is not in its form.") from error
        if "not an integer" in answer.error:
            raise NotACounter("This key holds a value, not a counter.")
        if answer.error or status == _REFUSED:
            raise StoreDown("Upstash refused a command.")
        return answer.result


def upstash_store(url: str, token: Secret, post: Post, *, prefix: str = PREFIX) -> CommandStore:
    """A ``Store`` in the Upstash database whose REST address is ``url``."""
    return CommandStore("upstash", RestCarrier(url, token, post), prefix)

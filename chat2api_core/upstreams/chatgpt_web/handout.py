"""How the pictures and files of an answer are handed out: as links, where any can be made. Pure.

In: an asset's pointer or a path of the sandbox, as the stream tells them. Out: the address under
which clients get it, empty where there is none. The one rule: a link is made only for what can be
fetched later: of a chat that the account does not keep, nothing that is found through the chat.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from chat2api_core.media.links import Links

_FREE_STANDING = "file-service://"  # found without its conversation


class Handout(Protocol):
    """Where a client gets pictures and files."""

    def picture(self, asset: str, conversation_id: str, /) -> str:
        """The address of a picture, empty where it has none."""
        ...

    def file(self, path: str, conversation_id: str, message_id: str, /) -> str:
        """The address of a file in the sandbox, empty where it has none."""
        ...


class NoHandout:
    """There are no links."""

    def picture(self, _asset: str, _conversation_id: str, /) -> str:
        return ""

    def file(self, _path: str, _conversation_id: str, _message_id: str, /) -> str:
        return ""


class Linked:
    """Links that begin with ``base`` to what this account holds. ``kept`` tells whether the chat is
    in the account's history. ``links`` is asked for when the first link is made: few answers have
    any."""

    def __init__(
        self, links: "Callable[[], Links]", *, base: str, account_key: str, kept: bool
    ) -> None:
        self._links = links
        self._base = base
        self._account_key = account_key
        self._kept = kept

    def picture(self, asset: str, conversation_id: str, /) -> str:
        if not asset.startswith(_FREE_STANDING) and not (self._kept and conversation_id):
            return ""
        return self._link(asset, conversation_id, "")

    def file(self, path: str, conversation_id: str, message_id: str, /) -> str:
        if not (self._kept and conversation_id and message_id):
            return ""
        return self._link(f"sandbox:{path}", conversation_id, message_id)

    def _link(self, place: str, conversation_id: str, message_id: str) -> str:
        from chat2api_core.media.links import Target  # noqa: PLC0415 (few answers have links)

        target = Target(place, self._account_key, conversation_id, message_id)
        token = self._links().token(target)
        return f"{self._base}{token}" if token else ""

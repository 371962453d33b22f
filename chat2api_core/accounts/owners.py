"""Which account holds which conversation, known here at once and to all instances a little later.

In: what requests have learned. Out: the key of the account that goes on with a conversation. The
one rule: noting costs a request nothing; ``settle`` tells the others, when it has been answered.

Keys: ``owner:<conversation>``, by a digest of its name. No secret is in any of them.
"""

from collections import OrderedDict

from chat2api_core.accounts.digest import digest
from chat2api_core.stores.base import Store

_MOST = 10_000
_KEEP = 30 * 86_400.0


class Owners:
    """``temporary`` says of what kind a chat is by itself; ``kept`` whether who holds a temporary
    one is worth a write, too. Without a ``store`` all of it is this process's own."""

    def __init__(self, store: Store | None, *, temporary: bool, kept: bool) -> None:
        self._store = store
        self._temporary = temporary
        self._kept = kept
        self._known: OrderedDict[str, str] = OrderedDict()
        self._unsaved: dict[str, str] = {}

    def note(self, account: str, conversation_id: str, temporary: bool | None = None) -> None:
        """The account holds the conversation; ``temporary`` None is what is so by itself."""
        if self._known.get(conversation_id) != account and self._worth_saving(temporary):
            self._unsaved[conversation_id] = account
        self._learn(account, conversation_id)

    async def of(self, conversation_id: str) -> str:
        """The key of the account that holds it, empty where unknown."""
        known = self._known.get(conversation_id, "")
        if known or self._store is None:
            return known
        found = await self._store.get(_key(conversation_id))
        if found and conversation_id not in self._known:  # what was noted meanwhile is newer
            self._learn(found.decode("ascii", "replace"), conversation_id)
        return self._known.get(conversation_id, "")

    async def settle(self) -> None:
        """Tell the others what was noted since."""
        while self._store is not None and self._unsaved:
            conversation_id, account = self._unsaved.popitem()
            try:
                await self._store.put(_key(conversation_id), account.encode(), _KEEP)
            except BaseException:  # who was cancelled leaves it to the next one
                self._unsaved.setdefault(conversation_id, account)
                raise

    def _learn(self, account: str, conversation_id: str) -> None:
        self._known[conversation_id] = account
        self._known.move_to_end(conversation_id)
        if len(self._known) > _MOST:
            self._known.popitem(last=False)

    def _worth_saving(self, temporary: bool | None) -> bool:
        if self._store is None:
            return False
        return self._kept or not (self._temporary if temporary is None else temporary)


def _key(conversation_id: str) -> str:
    return f"owner:{digest(conversation_id)}"

"""Reads, checks and saves the settings document, and notices when somebody else changed it.

In: edits of people who look at the pages. Out: the document, and new ``Settings`` for the gateway
whenever the document is another one. The one rule: nothing is saved that the gateway could not
start with.
"""

import logging
from collections.abc import Callable, Mapping

from chat2api_core.admin.homes import Home, Kept
from chat2api_core.admin.sections import Document
from chat2api_core.ambient import Clock
from chat2api_core.config import Settings, SettingsError
from chat2api_core.config.error import Mismatch
from chat2api_core.config.tree import Tree, read_tree
from chat2api_core.stores.base import StoreDown

_log = logging.getLogger("chat2api.admin")

Change = Callable[[Document], Mapping[str, Tree]]


class Looked(Kept):
    """A document that was read, and its tree."""

    @property
    def tree(self) -> Document:
        """Its top level sections. Raises ``SettingsError`` where it is not readable."""
        try:
            tree = read_tree(self.text)
        except Mismatch as mismatch:
            raise mismatch.named("the settings document") from None
        return tree if isinstance(tree, dict) else {}


class Desk:
    """``settings`` makes the settings that a text gives, together with all other sources, and
    raises ``SettingsError``. ``every`` is how often, in seconds, somebody else's change is looked
    for."""

    def __init__(
        self, home: Home, settings: Callable[[str], Settings], clock: Clock, *, every: float
    ) -> None:
        self.home = home
        self._settings = settings
        self._clock = clock
        self._every = every
        self._mark: str | None = None
        self._next = 0.0
        self.fault = ""  # why the document as it stands is not in effect

    async def look(self) -> Looked:
        """The document as it is now."""
        return Looked(*await self.home.read())

    async def save(self, version: str, change: Change) -> bool:
        """Change the document that has this version ("" is whichever there is). False where it has
        another one by now. Raises ``SettingsError`` for what the gateway could not start with, and
        what the home raises."""
        from chat2api_core.config.rewrite import rewrite  # noqa: PLC0415 (loads the YAML parser)

        before = await self.look()
        if version and before.version != version:
            return False
        try:
            text = rewrite(before.text, change(before.tree))
        except Mismatch as mismatch:
            raise mismatch.named("the settings document", "a document that can be edited") from None
        self._settings(text)
        await self.home.write(text, before)
        self._next = 0.0
        return True

    async def news(self) -> Settings | None:
        """The settings that are to be in effect from now on, None where nothing has changed. Looks
        rarely, so it may be asked at every request."""
        now = self._clock.monotonic()
        if now < self._next:
            return None
        self._next = now + self._every  # before anything waits: one looks, the others go on
        try:
            mark = await self.home.mark()
        except StoreDown:
            return None
        if mark == self._mark:
            return None
        first, self._mark = self._mark is None, mark
        if first and (not mark or self.home.known):
            return None  # it is what this process has started with
        return await self._load()

    async def _load(self) -> Settings | None:
        try:
            settings = self._settings((await self.look()).text)
        except SettingsError as error:
            self.fault = str(error)
            _log.error("the changed settings are not used: %s", error)
            return None
        self.fault = ""
        return settings

"""What an upstream is to the engine: a place that answers prompts with batches of deltas.

A batch holds the deltas of one network read, in order: handing them on together costs one hop and
one send for all of them. The first batch of an answer may be ``Started`` alone.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol, TypeAlias

from msgspec import Struct

from chat2api_core.accounts.account import Account
from chat2api_core.turn import Delta, Prompt

Batch: TypeAlias = Sequence[Delta]


class Model(Struct, frozen=True):
    """A model that an upstream offers. ``created`` is unix seconds, 0 where unknown; ``upstreams``
    are the names of those that offer it, as far as they were asked."""

    id: str
    title: str = ""
    created: int = 0
    owned_by: str = "openai"
    context_tokens: int = 0
    upstreams: tuple[str, ...] = ()


class Answer(Protocol):
    """An answer under way. Ends after a batch with ``Finished`` or raises ``Problem``.

    Whoever opened it calls ``aclose``, which closes the upstream connection at once."""

    def __aiter__(self) -> AsyncIterator[Batch]: ...

    async def aclose(self) -> None: ...


class Upstream(Protocol):
    """One kind of backend. ``native_tools`` tells whether it takes tools itself."""

    @property
    def name(self) -> str: ...

    @property
    def native_tools(self) -> bool: ...

    async def models(self, account: Account) -> tuple[Model, ...]:
        """What the account may use. Raises ``Problem``."""
        ...

    async def open(self, prompt: Prompt, account: Account) -> Answer:
        """Ask. Returns when the upstream has accepted the turn; raises ``Problem`` before that."""
        ...

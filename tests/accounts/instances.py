"""What the tests of shared accounts use: a sign-in server in memory, a store that can be down."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any, TypeVar

from msgspec import structs

from chat2api_core.accounts.account import Account
from chat2api_core.accounts.credentials import Credentials
from chat2api_core.accounts.vault import Vault
from chat2api_core.ambient import SystemIds
from chat2api_core.emulator.tokens import make_access_token
from chat2api_core.problem import Kind, Problem
from chat2api_core.seal import Sealer
from chat2api_core.secret import Secret
from chat2api_core.stores.base import StoreDown
from chat2api_core.stores.guard import GuardedStore
from chat2api_core.stores.memory import MemoryStore
from tests.fakes import FakeClock

T = TypeVar("T")

KEY = Secret("0123456789abcdef")
LIFE = 864_000.0


class ShakyStore(MemoryStore):
    """Seen by all instances; ``down`` is for how many more questions it cannot be reached. A write
    under a key that begins with ``trips_at`` is its last one."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.down = 0
        self.trips_at: str | None = None

    async def get(self, key: str) -> bytes | None:
        self._shake()
        return await super().get(key)

    async def put(self, key: str, value: bytes, ttl: float | None = None) -> None:
        self._shake()
        await super().put(key, value, ttl)

    async def swap(self, key: str, old: bytes | None, new: bytes, ttl: float | None = None) -> bool:
        self._shake()
        done = await super().swap(key, old, new, ttl)
        if self.trips_at is not None and key.startswith(self.trips_at):
            self.down = 1000
        return done

    async def delete_if(self, key: str, old: bytes) -> bool:
        self._shake()
        return await super().delete_if(key, old)

    def _shake(self) -> None:
        if self.down > 0:
            self.down -= 1
            raise StoreDown("It is down.")


class SignIn:
    """The sign-in server: a token that rotates is good for one exchange. ``hold`` keeps it from
    answering, ``failures`` are what it answers first, ``takes`` the seconds that it needs."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.hold = asyncio.Event()
        self.hold.set()
        self.asked = asyncio.Event()
        self.exchanges = 0
        self.failures: list[Problem] = []
        self.takes = 0.0
        self._spent: set[str] = set()

    async def renew(self, account: Account) -> Account:
        self.exchanges += 1
        number = self.exchanges
        self.asked.set()
        await self.hold.wait()
        self.clock.advance(self.takes)
        if self.failures:
            raise self.failures.pop(0)
        token = account.refresh_token.reveal()
        if token in self._spent:
            raise Problem(Kind.UNAUTHORIZED, "Reused.", step="refresh")
        fresh = token
        if token.startswith("rt_"):
            self._spent.add(token)
            fresh = f"rt_{number}"
        access = make_access_token(exp=int(self.clock.now() + LIFE), jti=str(number))
        return structs.replace(account, access_token=Secret(access), refresh_token=Secret(fresh))


class Instances:
    """As many processes as asked for, on one store."""

    def __init__(self, count: int = 2, *, keys: Sequence[Secret] = (KEY,)) -> None:
        self.clock = FakeClock()
        self.store = ShakyStore(self.clock)
        self.sign_in = SignIn(self.clock)
        self.guards = [GuardedStore(self.store, self.clock, pause=0.0) for _ in range(count)]
        self.vaults = [
            Vault(
                guard,
                Sealer(keys[number % len(keys)], SystemIds()),
                SystemIds(),
                sleep=self.sleep,
            )
            for number, guard in enumerate(self.guards)
        ]
        self.turns: asyncio.Queue[None] = asyncio.Queue()
        self.sleeping = asyncio.Event()
        self.learnt: list[Account] = []
        self.credentials = [self.started(vault) for vault in self.vaults]

    def started(self, vault: Vault, **options: Any) -> Credentials:
        """The credentials of a process that has just begun."""
        return Credentials(
            self.sign_in,
            clock=self.clock,
            vault=vault,
            on_renewed=self.learnt.append,
            sleep=self.sleep,
            later=self.later,
            **options,
        )

    async def sleep(self, seconds: float) -> None:
        self.clock.advance(seconds)
        await asyncio.sleep(0)

    async def later(self, seconds: float) -> None:
        """How those sleep who save what could not be saved: until ``pass_time``."""
        self.sleeping.set()
        await self.turns.get()

    async def pass_time(self) -> None:
        """Let them try again."""
        await self.sleeping.wait()
        self.sleeping.clear()
        self.turns.put_nowait(None)
        for _ in range(20):
            await asyncio.sleep(0)


def run(work: Awaitable[T]) -> T:
    """What comes of it, within seconds."""

    async def bounded() -> T:
        async with asyncio.timeout(20):
            return await work

    return asyncio.run(bounded())

"""The Codex upstream in front of the emulator, over real sockets."""

import asyncio
from collections.abc import Callable
from typing import Any

from chat2api_core.accounts.account import Account
from chat2api_core.accounts.egress import Egress
from chat2api_core.ambient import SystemClock
from chat2api_core.config import Settings
from chat2api_core.emulator import DEMO_ACCESS_TOKEN, Emulator
from chat2api_core.secret import Secret
from chat2api_core.transport import Transport
from chat2api_core.turn import Delta, Message, Prompt, Text
from chat2api_core.upstreams.codex.client import Codex
from chat2api_core.upstreams.codex.quota import Quota

ACCOUNT = Account(access_token=Secret(DEMO_ACCESS_TOKEN), type="codex")


def says(text: str, **fields: Any) -> Prompt:
    """A prompt with one message of the user."""
    return Prompt(**{"model": "gpt-5.5", "messages": (Message("user", (Text(text),)),)} | fields)


class Bench:
    """An upstream, its emulator, and what was heard of quotas."""

    def __init__(self, emulator: Emulator, url: str, **settings: Any) -> None:
        self.emulator = emulator
        self.url = url
        self.quotas: list[tuple[str, Quota]] = []
        self.settings = Settings(base_urls=(url,), connect_timeout=5, read_timeout=5, **settings)

    def asked(self) -> Any:
        """The body of the last turn."""
        return self.emulator.log.at("codex")[-1].json

    def run(self, work: Callable[[Codex], Any]) -> Any:
        """Do something with a fresh upstream, in a loop of its own."""

        async def whole() -> Any:
            transport = Transport(backend="httpx", connect_timeout=5, read_timeout=5)
            codex = Codex(
                transport,
                settings=self.settings,
                egress=Egress(()),
                clock=SystemClock(),
                quota_seen=lambda key, quota: self.quotas.append((key, quota)),
            )
            try:
                return await work(codex)
            finally:
                await transport.aclose()

        return asyncio.run(whole())

    def answer(self, prompt: Prompt, account: Account = ACCOUNT) -> list[Delta]:
        """All deltas of an answer."""

        async def ask(codex: Codex) -> list[Delta]:
            return await collect(codex, prompt, account)

        deltas: list[Delta] = self.run(ask)
        return deltas


async def collect(codex: Codex, prompt: Prompt, account: Account = ACCOUNT) -> list[Delta]:
    """All deltas of an answer."""
    answer = await codex.open(prompt, account)
    try:
        return [delta async for batch in answer for delta in batch]
    finally:
        await answer.aclose()

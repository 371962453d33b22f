"""Fakes for what comes through constructors: time, names, and the other side of a seam."""

from collections.abc import AsyncIterator, Sequence

from chat2api_core.accounts.account import Account
from chat2api_core.problem import Problem
from chat2api_core.transcript import Transcript
from chat2api_core.turn import Prompt, Usage
from chat2api_core.upstreams.base import Batch, Model


class FakeClock:
    """A clock that moves when it is told to."""

    def __init__(self, now: float = 1_787_300_000.0) -> None:
        self.time = now

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    def advance(self, seconds: float) -> None:
        self.time += seconds


class FakeIds:
    """Names that count up, and chance that is always the same."""

    def __init__(self, chance: float = 0.0) -> None:
        self.count = 0
        self.chance = chance

    def uuid(self) -> str:
        self.count += 1
        return f"00000000-0000-4000-8000-{self.count:012d}"

    def hex(self, digits: int) -> str:
        self.count += 1
        return f"{self.count:0{digits}x}"

    def random(self) -> float:
        return self.chance


class FakeAnswer:
    """Plays batches; a ``Problem`` among them is raised in its place."""

    def __init__(self, script: Sequence[Batch | Problem]) -> None:
        self._script = script
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[Batch]:
        for item in self._script:
            if isinstance(item, Problem):
                raise item
            yield item

    async def aclose(self) -> None:
        self.closed = True


class FakeUpstream:
    """Answers each opening with the next script; a lone ``Problem`` refuses to open."""

    name = "web"
    native_tools = False

    def __init__(self, *scripts: Sequence[Batch | Problem] | Problem) -> None:
        self.scripts = list(scripts)
        self.asked: list[Account] = []
        self.prompts: list[Prompt] = []
        self.answers: list[FakeAnswer] = []

    async def open(self, prompt: Prompt, account: Account) -> FakeAnswer:
        self.asked.append(account)
        self.prompts.append(prompt)
        script = self.scripts.pop(0)
        if isinstance(script, Problem):
            raise script
        self.answers.append(FakeAnswer(script))
        return self.answers[-1]

    async def models(self, account: Account) -> tuple[Model, ...]:
        self.asked.append(account)
        script = self.scripts.pop(0)
        if isinstance(script, Problem):
            raise script
        return (Model("auto"),)


class WordMeter:
    """Counts words."""

    def count(self, text: str) -> int:
        return len(text.split())

    async def usage(self, prompt: Prompt, transcript: Transcript) -> Usage:
        return Usage(self.count(prompt.messages[0].text), self.count(transcript.text))

"""The load: so many clients, each with one turn at a time, until so many turns were answered.

``python -m tests.bench.load '<Load as JSON>'`` prints an ``Outcome`` as JSON. It is a process of
its own, so that its cost is not the server's; it reads the CPU time of the measured processes right
before and after the turns that count. The rule: a turn that fails spoils the run, loudly.
"""

import asyncio
import itertools
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

import msgspec
from msgspec import Struct

from tests.bench.process import ROOT, cpu_seconds, environment, resident_bytes
from tests.bench.turns import (
    Api,
    Asker,
    DirectAsker,
    DirectCodexAsker,
    GatewayAsker,
    UpstreamName,
)
from tests.bench.wire import Answer

_LIMIT = 240.0  # seconds that a run may take
_WARM_TURNS = 2  # of each client, before the ones that count
_WARM_TOKENS = 5
_LOOK = 0.2  # seconds between two looks at the memory
_OK = 200


class Load(Struct, frozen=True):
    """What to do. ``api`` is the one of the gateway's that is asked, with ``store`` responses are
    kept; a direct call goes to ``upstream``. ``watch`` are process ids; the memory of the first is
    looked at. ``pace`` is the seconds that the emulator takes for a token: what a token takes
    longer is its delay."""

    port: int
    concurrency: int
    turns: int
    tokens: int
    watch: tuple[int, ...]
    stream: bool = True
    direct: bool = False
    pace: float = 0
    api: Api = "chat/completions"
    store: bool = False
    upstream: UpstreamName = "web"


class Outcome(Struct, frozen=True):
    """What it came to. Seconds, except ``resident``, the most memory that was seen, in bytes.
    ``cpu`` belongs to the processes of ``watch``."""

    turns: int
    wall: float
    cpu: tuple[float, ...]
    first_p50: float
    delay_p99: float
    resident: int


def run(load: Load) -> Outcome:
    """Put this load on a server, from another process. Raises ``RuntimeError`` if a turn fails."""
    command = [sys.executable, "-m", "tests.bench.load", msgspec.json.encode(load).decode()]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment({}),
        capture_output=True,
        timeout=_LIMIT + 30,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(done.stderr.decode().strip().rpartition("\n")[2])
    return msgspec.json.decode(done.stdout, type=Outcome)


async def measure(load: Load) -> Outcome:
    """Put the load on the server from this process."""
    askers = [_asker(load) for _ in range(load.concurrency)]
    try:
        await asyncio.gather(*(asker.open() for asker in askers))
        warming = itertools.repeat(_WARM_TOKENS, _WARM_TURNS * load.concurrency)
        await _ask_all(askers, warming, load, gaps=False)
        memory = Memory(load.watch[0])
        before = [cpu_seconds(pid) for pid in load.watch]
        began = time.perf_counter()
        counting = itertools.repeat(load.tokens, load.turns)
        answers = await _ask_all(askers, counting, load, gaps=load.pace > 0)
        wall = time.perf_counter() - began
        after = [cpu_seconds(pid) for pid in load.watch]
        memory.close()
    finally:
        for asker in askers:
            asker.close()
    gaps = [gap - load.pace for answer in answers for gap in answer.gaps or ()]
    return Outcome(
        turns=len(answers),
        wall=wall,
        cpu=tuple(end - start for start, end in zip(before, after, strict=True)),
        first_p50=statistics.median(answer.first for answer in answers),
        delay_p99=percentile(gaps, 99),
        resident=memory.most,
    )


class Memory:
    """Looks at the memory of a process now and then, from its making until it is closed."""

    def __init__(self, pid: int) -> None:
        self.most = 0
        self._pid = pid
        self._look()

    def close(self) -> None:
        """Look no more."""
        self._timer.cancel()

    def _look(self) -> None:
        self.most = max(self.most, resident_bytes(self._pid))
        self._timer = asyncio.get_running_loop().call_later(_LOOK, self._look)


def _asker(load: Load) -> Asker:
    if not load.direct:
        return GatewayAsker(load.port, stream=load.stream, api=load.api, store=load.store)
    return DirectCodexAsker(load.port) if load.upstream == "codex" else DirectAsker(load.port)


async def _ask_all(
    askers: Sequence[Asker], turns: Iterator[int], load: Load, *, gaps: bool
) -> list[Answer]:
    """The answers to all turns, which the clients take one by one."""
    answers: list[Answer] = []

    async def client(asker: Asker) -> None:
        for tokens in turns:
            answer = await asker.ask(tokens, gaps=gaps)
            check(answer, tokens if load.stream or load.direct else 0)
            answers.append(answer)

    await asyncio.gather(*map(client, askers))
    return answers


def check(answer: Answer, events: int) -> None:
    """Raises ``RuntimeError`` for an answer that failed or has fewer events than tokens."""
    if answer.status != _OK or answer.events < events or not answer.first:
        raise RuntimeError(
            f"a turn failed: status {answer.status}, {answer.events} events, {answer.body[:300]!r}"
        )


def percentile(values: Sequence[float], percent: int) -> float:
    """The value that so many per cent do not exceed; 0 if there are none."""
    ordered = sorted(values)
    return ordered[(len(ordered) - 1) * percent // 100] if ordered else 0.0


def main() -> None:
    """Do what the first argument says."""
    load = msgspec.json.decode(sys.argv[1], type=Load)
    outcome = asyncio.run(asyncio.wait_for(measure(load), _LIMIT))
    sys.stdout.write(msgspec.json.encode(outcome).decode())


if __name__ == "__main__":
    main()

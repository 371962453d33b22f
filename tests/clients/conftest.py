"""The gateway for clients in other processes, in front of a model that plays a part."""

import os
import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from chat2api_core.accounts.account import Account
from chat2api_core.ambient import SystemClock, SystemIds
from chat2api_core.config import Settings
from chat2api_core.emulator import DEMO_ACCESS_TOKEN, Emulator, Reply, Say, Turn
from chat2api_core.secret import Secret
from chat2api_core.server import application, serving
from chat2api_core.wiring import Gateway

KEY = "sk-test-0123456789"
HERE = Path(__file__).parent
TOOLS = HERE.parents[1] / ".tools"
_MARK = re.compile(r"<call_(\w+)")

Write = Callable[[Turn, str], str]
Serve = Callable[[Write], str]
Model = Callable[[Turn], Reply]
ServeCodex = Callable[..., str]
WEB = Account(access_token=Secret(DEMO_ACCESS_TOKEN))
CODEX = Account(access_token=Secret(DEMO_ACCESS_TOKEN), type="codex")


def _served(stack: ExitStack, emulator: Emulator, account: Account) -> str:
    """The base URL of the gateway in front of this emulator, with this account alone."""
    upstream = stack.enter_context(serving(emulator, "critical"))
    settings = Settings(
        upstream=account.type,
        auth_tokens=(Secret(KEY),),
        accounts=(account,),
        base_urls=(upstream,),
        auth_url=upstream,
        usage_counter="estimate",
    )
    gateway = Gateway(settings, clock=SystemClock(), ids=SystemIds())
    return stack.enter_context(serving(application(gateway))) + "/v1"


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serve the gateway in front of this model on the web; its base URL. The model is given the
    turn and the mark with which it was taught to call tools (empty: it was taught none)."""
    with ExitStack() as stack:

        def begin(write: Write) -> str:
            def model(turn: Turn) -> Reply:
                found = _MARK.search("\n".join(heard.text for heard in turn.messages))
                return Reply((say(write(turn, found[1] if found else "")),))

            return _served(stack, Emulator(model=model), WEB)

        yield begin


@pytest.fixture
def serve_codex() -> Iterator[ServeCodex]:
    """The same in front of a model of Codex, which calls tools by itself. Whoever was served has
    really gone that way: with native calls, and nothing else was asked for a turn. Items of the
    types in ``hands_back`` must have come back from the client."""
    served: list[tuple[Emulator, set[str]]] = []
    with ExitStack() as stack:

        def begin(model: Model, hands_back: Sequence[str] = ()) -> str:
            emulator = Emulator(model=model)
            served.append((emulator, set(hands_back)))
            return _served(stack, emulator, CODEX)

        yield begin
    for emulator, hands_back in served:
        bodies: list[Any] = [record.json for record in emulator.log.at("codex")]
        assert emulator.log.counts["conversation"] == 0
        assert {record.status for record in emulator.log.at("codex")} == {200}
        assert any(body["tools"] for body in bodies if "tools" in body)
        sent = {item["type"] for body in bodies for item in body["input"]}
        assert any(kind.endswith("_call") for kind in sent), sent
        assert any(kind.endswith("_call_output") for kind in sent), sent
        assert hands_back <= sent, sent


def say(text: str) -> Say:
    """A text in pieces of a few letters."""
    return Say(tuple(text[at : at + 6] for at in range(0, len(text), 6)))


@pytest.fixture(scope="session")
def run() -> Callable[..., Any]:
    """Run a program of the clients' tool box, such as ``node`` or ``codex``."""

    def start(program: str, *arguments: str, **environ: str) -> Any:
        node = TOOLS / "node" / "bin"
        binaries = TOOLS / "clients" / "node_modules" / ".bin"
        assert node.exists(), "the clients are not installed: run `make test-clients`"
        path = os.pathsep.join((str(binaries), str(node), os.environ["PATH"]))
        return subprocess.run(
            [program, *arguments],
            check=False,
            env={**os.environ, "PATH": path, **environ},
            cwd=TOOLS / "clients",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )

    return start

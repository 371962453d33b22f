"""Wherever a request is broken off, nothing of it is left: it is cancelled, and its client hangs
up, at every single step that it takes.

A step is any place where a task of the request gives way (``steps.py``). After each, the same
must hold: no reply of the upstream is open, no account is leased, no probe and no lock is held, no
task is at work, no account is out or rests that did not before, and the next request is answered at
once, by accounts that serve one request at a time.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import msgspec
import pytest
from msgspec import Struct, structs

from chat2api_core.accounts.account import Account
from chat2api_core.emulator import (
    DEMO_ACCESS_TOKEN,
    DEMO_REFRESH_TOKEN,
    At,
    Call,
    Cut,
    Demands,
    Handoff,
    Image,
    Named,
    Reply,
    Say,
    Stop,
    Task,
    Think,
    Wait,
    make_access_token,
)
from chat2api_core.emulator.pixels import draw
from chat2api_core.media.data_url import write
from chat2api_core.secret import Secret
from chat2api_core.server import application
from tests.asgi import Client, play
from tests.e2e.inside import KEY, World
from tests.e2e.steps import Steps

CHAT, RESPONSES = "/v1/chat/completions", "/v1/responses"
ASK: dict[str, Any] = {"model": "auto", "messages": [{"role": "user", "content": "Hello?"}]}
SLOW = Reply((Say(("Hel",)), Wait(0.01), Say(("lo",)), Wait(0.01), Say(("!",))))
WORDS = tuple(f" word{n}" for n in range(9))
PICTURE = {"type": "image_url", "image_url": {"url": write("image/png", draw("photo", 5, 4))}}
TOOL = {
    "type": "function",
    "function": {"name": "f", "parameters": {"type": "object", "properties": {}}},
}
FORM = (
    b'--x\r\ncontent-disposition: form-data; name="%s"\r\n\r\n%s\r\n'
    b'--x\r\ncontent-disposition: form-data; name="file"; filename="talk.mp3"\r\n'
    b"content-type: audio/mpeg\r\n\r\nID3talk\r\n--x--\r\n"
)
ONE = Account(access_token=Secret(DEMO_ACCESS_TOKEN))
TWO = (
    Account(access_token=Secret(make_access_token(account_id="one"))),
    Account(access_token=Secret(make_access_token(account_id="two"))),
)
RENEWED = Account(access_token=Secret(DEMO_ACCESS_TOKEN), refresh_token=Secret(DEMO_REFRESH_TOKEN))
CODEX = Account(access_token=Secret(make_access_token(jti="codex")), type="codex")


class Scene(Struct, frozen=True):
    """A request, and what happens upstream. ``first`` is done before it, and may say by which path
    it goes; ``rests`` is how many rests of accounts it may bring, ``status`` how it ends where
    nothing breaks it off."""

    body: dict[str, Any] | bytes
    path: str = CHAT
    script: tuple[Any, ...] = (SLOW,)
    accounts: tuple[Account, ...] = (ONE,)
    settings: dict[str, Any] = {}
    first: Callable[[World], Awaitable[str]] | None = None
    method: str = "POST"
    rests: int = 0
    status: int = 200


async def asked(world: World, scene: Scene) -> Client:
    client = request(scene)
    await application(world.gateway)(client.scope, client.receive, client.send)
    return client


async def rested(world: World) -> str:
    """The account has met a limit, whose time is over: the next request is the one that tries."""
    world.emulator.script.push(At("conversation", Named("429 cap")))
    assert (await asked(world, Scene(ASK))).status == 429
    world.clock.ahead += 3600
    return ""


async def uploaded(world: World) -> str:
    """There is a file, and this is where its bytes are."""
    client = await asked(world, SCENES["a file"])
    return f"/v1/files/{msgspec.json.decode(client.body)['id']}/content"


async def drawn(world: World) -> str:
    """There is a picture in an answer, and this is the path of its link."""
    world.emulator.script.push(Reply((Image(),)))
    client = await asked(world, Scene(ASK | {"history_disabled": False}))
    (token,) = re.findall(rb"/media/([\w-]+)", client.body)
    return f"/media/{token.decode()}"


async def drawn_before_a_rest(world: World) -> str:
    """The same, and what asks for it is the first to try the account after a rest."""
    path = await drawn(world)
    world.emulator.script.push(At("conversation", Named("409")))
    assert (await asked(world, Scene(ASK))).status == 429
    world.clock.ahead += 60
    return path


SCENES = {
    "a chat that is streamed": Scene(ASK | {"stream": True}),
    "a chat that is sent whole": Scene(ASK),
    "a chat that asks for a proof of work": Scene(
        ASK | {"stream": True}, script=(Demands(difficulty="0fffff"), SLOW)
    ),
    "a chat with a tool": Scene(ASK | {"stream": True, "tools": [TOOL]}),
    "a tool that has to be called, and never is": Scene(
        ASK | {"tools": [TOOL], "tool_choice": "required"}, script=(SLOW, SLOW), status=502
    ),
    "an account that meets its limit before another one answers": Scene(
        ASK | {"stream": True},
        accounts=TWO,
        script=(At("conversation", Named("429 cap")), SLOW),
        rests=1,
    ),
    "an upstream that fails once": Scene(ASK, script=(At("conversation", Named("500")), SLOW)),
    "a token that is renewed": Scene(
        ASK, accounts=(RENEWED,), script=(At("conversation", Named("401 expired")), SLOW)
    ),
    "the first try after a rest": Scene(ASK | {"stream": True}, first=rested, rests=1),
    "a picture that is sent along": Scene(
        ASK | {"messages": [{"role": "user", "content": [PICTURE]}]}
    ),
    "two pictures to order": Scene(
        {"model": "gpt-image-1", "prompt": "A cat.", "n": 2},
        "/v1/images/generations",
        accounts=TWO,
        script=(Reply((Image(),)), Reply((Image(),))),
    ),
    "a response that is kept": Scene(
        {"model": "auto", "input": "Hello?", "stream": True}, RESPONSES
    ),
    "an answer that broke off": Scene(
        ASK | {"stream": True},
        script=(Reply((Say(WORDS[:4]), Cut(), Say(WORDS[4:]))),),
    ),
    "an answer that is looked up": Scene(
        ASK | {"stream": True, "history_disabled": False},
        script=(Reply((Say(WORDS[:4]), Cut(resume=False, polls=2), Say(WORDS[4:]))),),
    ),
    "an answer that is handed over": Scene(
        ASK | {"stream": True},
        script=(Reply((Say(WORDS[:4]), Handoff(("resume_sse_endpoint",)), Say(WORDS[4:]))),),
    ),
    "an answer that is continued": Scene(
        ASK | {"stream": True},
        script=(Reply((Say(WORDS[:4]), Stop("max_tokens"), Say(WORDS[4:]))),),
    ),
    "a task that takes its time": Scene(
        ASK | {"stream": True, "history_disabled": False},
        script=(Reply((Think("Hm"), Task(), Say(WORDS))),),
    ),
    "a text that is read aloud": Scene(
        {"model": "tts-1", "input": "Hello!", "voice": "alloy"}, "/v1/audio/speech", script=()
    ),
    "a recording": Scene(FORM % (b"model", b"whisper-1"), "/v1/audio/transcriptions", script=()),
    "a file": Scene(FORM % (b"purpose", b"user_data"), "/v1/files", script=()),
    "the bytes of a file": Scene(b"", script=(), first=uploaded, method="GET"),
    "a picture by its link": Scene(b"", script=(), first=drawn, method="GET"),
    "a picture by its link, of an account that rested": Scene(
        b"", script=(), first=drawn_before_a_rest, method="GET", rests=1
    ),
    "the list of models": Scene(b"", "/v1/models", script=(), method="GET"),
    "a turn on Codex": Scene(
        ASK | {"stream": True},
        accounts=(CODEX,),
        script=(Reply((Think("Hm", ("Well.",)), Say(WORDS), Call("f"))),),
    ),
    "a history that is made short": Scene(
        {"model": "gpt-5.5", "input": "Hello?"},
        "/v1/responses/compact",
        accounts=(CODEX,),
        script=(),
    ),
}


def request(scene: Scene) -> Client:
    body, kind = scene.body, "multipart/form-data; boundary=x"
    if not isinstance(body, bytes):
        body, kind = msgspec.json.encode(body), "application/json"
    headers = {"authorization": f"Bearer {KEY}", "content-type": kind, "host": "gateway.invalid"}
    return Client(scene.method, scene.path, parts=[body], headers=headers)


async def broken_off(scene: Scene, at: int, how: str) -> tuple[bool, list[str]]:
    """Break the request off at a step; whether it had so many, and what is left of it."""
    world = World(accounts=scene.accounts, **scene.settings)
    app = application(world.gateway)
    if scene.first is not None:
        scene = structs.replace(scene, path=await scene.first(world) or scene.path)
    world.emulator.script.push(*scene.script)
    client = request(scene)

    def end() -> None:
        if how == "cancelled":
            running.cancel()
        else:
            client.hang_up()

    steps = Steps(at, end)
    with steps.watched():
        running = asyncio.create_task(app(client.scope, client.receive, client.send))
        await asyncio.wait((running,))
    if not running.cancelled():
        running.result()
    left = [*client.faults, *await world.left(scene.rests)]
    if steps.taken < at and client.status != scene.status:
        left.append(f"it is answered with {client.body!r}")
    world.emulator.script.clear()
    again = request(Scene(ASK))
    began = world.clock.monotonic()
    await app(again.scope, again.receive, again.send)
    if again.status != 200 and not scene.rests:
        left.append(f"the next request gets {again.body!r}")
    if world.clock.monotonic() - began > 0.1:
        left.append("the next request waits")
    return steps.taken >= at, left + await world.left(scene.rests)


async def beside(scene: Scene, at: int, how: str) -> tuple[bool, list[str]]:
    """The same of two requests that came at once, of which one is broken off at a step."""
    world = World(accounts=scene.accounts, **scene.settings)
    app = application(world.gateway)
    if scene.first is not None:
        scene = structs.replace(scene, path=await scene.first(world) or scene.path)
    world.emulator.script.push(*scene.script)
    one, other = request(scene), request(scene)

    def end() -> None:
        if how == "cancelled":
            running.cancel()
        else:
            one.hang_up()

    steps = Steps(at, end)
    with steps.watched():
        running = asyncio.create_task(app(one.scope, one.receive, one.send))
    staying = asyncio.create_task(app(other.scope, other.receive, other.send))
    began = world.clock.monotonic()
    await asyncio.wait((running, staying))
    staying.result()
    left = [*other.faults, *await world.left()]
    if other.status != 200:
        left.append(f"the other request gets {other.body!r}")
    if world.clock.monotonic() - began > 1:
        left.append("the other request waits")
    return steps.taken >= at, left


@pytest.mark.parametrize("how", ["cancelled", "hung up"])
@pytest.mark.parametrize("name", SCENES)
def test_nothing_is_left_of_a_request_wherever_it_is_broken_off(name: str, how: str) -> None:
    assert every_step(lambda at: broken_off(SCENES[name], at, how)) == {}


@pytest.mark.parametrize("how", ["cancelled", "hung up"])
@pytest.mark.parametrize(
    "name",
    [
        "a chat that is streamed",
        "a token that is renewed",
        "the first try after a rest",
        "a picture that is sent along",
        "a turn on Codex",
    ],
)
def test_a_request_beside_it_is_answered_wherever_one_is_broken_off(name: str, how: str) -> None:
    assert every_step(lambda at: beside(SCENES[name], at, how)) == {}


def every_step(
    attempt: Callable[[int], Coroutine[Any, Any, tuple[bool, list[str]]]],
) -> dict[int, list[str]]:
    """What is left, by the step at which it was broken off."""
    found: dict[int, list[str]] = {}
    at, more = 0, True
    while more:
        at += 1
        more, left = play(attempt(at))
        if left:
            found[at] = left
    assert at > 15, "the request was over before it began"
    return found

"""The application around it all: paths, the home page, the log, control, ASGI's corners."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from chat2api_core.emulator import Emulator, Reply, Say
from chat2api_core.emulator.commands import words
from chat2api_core.emulator.exchange import MAX_BODY
from chat2api_core.emulator.routes import ROUTES
from chat2api_core.emulator.scenarios import SCENARIOS
from tests.emulator.browser import UA, Browser, Request, Response, drive, said_by, turn_body


def fetch(emulator: Emulator, method: str, path: str, body: Any = None) -> Response:
    raw = b"" if body is None else json.dumps(body).encode()
    headers = {"content-type": "application/json", "user-agent": UA}
    return asyncio.run(drive(emulator, Request(method, path, headers, raw)))


def test_the_home_page_holds_what_clients_look_for(emulator: Emulator) -> None:
    page = fetch(emulator, "GET", "/")
    assert page.status == 200
    assert page.header("content-type") == "text/html; charset=utf-8"
    html = page.body.decode()
    assert 'data-build="prod-' in html
    assert html.count("<script src=") == 2
    assert page.header("set-cookie").startswith("oai-did=")


def test_a_device_that_is_known_keeps_its_name(emulator: Emulator) -> None:
    request = Request("GET", "/", {"cookie": "oai-did=my-device"})
    page = asyncio.run(drive(emulator, request))
    assert page.header("set-cookie").startswith("oai-did=my-device;")


@pytest.mark.parametrize("path", ["/backend-api/sentinel/sdk.js", "/sentinel/20260423af3c/sdk.js"])
def test_the_script_of_the_sentinel_is_there(emulator: Emulator, path: str) -> None:
    assert fetch(emulator, "GET", path).header("content-type") == "text/javascript"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/backend-api", 404),
        ("GET", "/backend-api/nowhere", 404),
        ("GET", "/backend-api/conversation//", 404),
        ("GET", "/models", 404),
        ("POST", "/backend-api/models", 405),
        ("GET", "/backend-api/f/conversation", 405),
        ("DELETE", "/backend-api/conversation/x", 405),
    ],
)
def test_other_paths_and_methods_are_refused(
    emulator: Emulator, method: str, path: str, status: int
) -> None:
    answer = fetch(emulator, method, path)
    assert answer.status == status
    assert answer.json["detail"]
    assert emulator.log.counts["unmatched"] == 1


def test_a_wrong_method_is_told_the_right_ones(emulator: Emulator) -> None:
    assert fetch(emulator, "DELETE", "/backend-api/conversation/x").header("allow") == "GET, PATCH"


def test_no_two_routes_answer_the_same_call() -> None:
    lines = [(route.method, realm, route.path) for route in ROUTES for realm in route.realms]
    assert len(lines) == len(set(lines))


def test_a_body_may_come_in_pieces_but_not_without_end(emulator: Emulator) -> None:
    async def post(pieces: list[bytes]) -> list[Any]:
        sent: list[Any] = []
        events = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]

        async def receive() -> Any:
            return events.pop(0) if events else {"type": "http.request"}

        async def send(event: Any) -> None:
            sent.append(event)

        scope = {"type": "http", "method": "POST", "path": "/oauth/token"}
        headers = [(b"content-type", b"application/json")]
        await emulator({**scope, "query_string": b"", "headers": headers}, receive, send)
        return sent

    assert asyncio.run(post([b'{"grant_', b'type":"x"}']))[0]["status"] == 400
    assert asyncio.run(post([b"a" * (MAX_BODY // 2)] * 3))[0]["status"] == 413


def test_a_client_that_leaves_before_its_body_is_whole_is_forgotten(emulator: Emulator) -> None:
    async def post() -> None:
        async def receive() -> Any:
            return {"type": "http.disconnect"}

        async def send(event: Any) -> None:
            raise AssertionError("nothing is sent")

        await emulator({"type": "http"}, receive, send)

    asyncio.run(post())
    assert not emulator.log.records


def test_the_lifespan_is_spoken_and_strange_websockets_are_refused(emulator: Emulator) -> None:
    async def run(scope: Any, events: list[str]) -> list[str]:
        sent: list[str] = []

        async def receive() -> Any:
            return {"type": events.pop(0)}

        async def send(event: Any) -> None:
            sent.append(event["type"])

        await emulator(scope, receive, send)
        return sent

    events = ["lifespan.startup", "lifespan.shutdown"]
    assert asyncio.run(run({"type": "lifespan"}, events)) == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]
    strange = {"type": "websocket", "path": "/", "headers": [], "query_string": b""}
    assert asyncio.run(run(strange, ["websocket.connect"])) == ["websocket.close"]


# ------------------------------------------------------------------------------ the log, control


def test_the_log_tells_what_was_asked_and_no_secret(emulator: Emulator) -> None:
    browser = Browser(emulator, extra={"cookie": "oai-did=d; __Secure-next-auth.x=hidden"})
    browser.ask("Hello")
    (record,) = emulator.log.at("conversation")
    assert (record.method, record.path) == ("POST", "/backend-api/f/conversation")
    assert record.status == 200
    assert record.closed is False
    assert record.ended == record.started
    assert record.cookies == ("oai-did", "__Secure-next-auth.x")
    assert "authorization" in record.headers
    assert record.owner == "user-emulator in 00000000-de30-4000-8000-000000000001"
    assert isinstance(record.json, dict)
    assert record.json["model"] == "auto"
    assert "eyJ" not in repr(record)
    assert "hidden" not in repr(record)
    assert emulator.log.counts == {"prepare": 1, "finalize": 1, "conversation": 1}


def test_the_log_keeps_the_latest_calls_only(make: Callable[..., Emulator]) -> None:
    emulator = make(log_size=2)
    for _ in range(5):
        Browser(emulator).get("/models")
    assert [record.number for record in emulator.log.records] == [4, 5]
    assert emulator.log.counts["models"] == 5
    assert emulator.log.records[0].json is None


CONTROLS = [
    ("POST", "/__emulator__/script"),
    ("GET", "/__emulator__/log"),
    ("POST", "/__emulator__/reset"),
]


@pytest.mark.parametrize(("method", "path"), CONTROLS)
def test_control_is_refused_unless_it_was_asked_for(
    emulator: Emulator, method: str, path: str
) -> None:
    answer = fetch(emulator, method, path, [])
    assert answer.status == 403
    assert "--control" in answer.json["detail"]


def test_another_process_can_script_read_and_reset(make: Callable[..., Emulator]) -> None:
    emulator = make(control=True)
    items = [
        {
            "type": "reply",
            "title": "T",
            "steps": [
                {"type": "think", "summary": "Plan", "pieces": ["hm"]},
                {"type": "say", "pieces": ["Hel", "lo"]},
            ],
            "wire": {"chunk": 3},
        },
        {
            "type": "at",
            "place": "models",
            "times": 2,
            "fault": {"type": "named", "name": "429", "retry_after": "3"},
        },
        {"type": "demands", "difficulty": ""},
    ]
    answer = fetch(emulator, "POST", "/__emulator__/script", items)
    assert answer.json == {"pending": 4}
    assert fetch(emulator, "POST", "/__emulator__/script", [{"type": "x"}]).status == 422

    browser = Browser(emulator)
    headers = browser.two_steps()
    assert headers.pop("openai-sentinel-proof-token") == ""
    stream = browser.post("/f/conversation", turn_body(), headers)
    assert said_by(stream.body) == "Hello"
    assert browser.get("/models").status == 429

    log = fetch(emulator, "GET", "/__emulator__/log").json
    assert log["pending"] == 1
    assert log["open_streams"] == 0
    assert log["counts"] == {"prepare": 1, "finalize": 1, "conversation": 1, "models": 1}
    assert [request["place"] for request in log["requests"]] == [
        "prepare", "finalize", "conversation", "models",
    ]  # fmt: skip
    assert log["requests"][2]["body"]["model"] == "auto"

    assert fetch(emulator, "POST", "/__emulator__/reset").status == 200
    log = fetch(emulator, "GET", "/__emulator__/log").json
    assert (log["pending"], log["counts"], log["requests"]) == (0, {}, [])
    assert browser.get("/models").status == 200


def test_a_reset_forgets_conversations_and_tokens(emulator: Emulator, browser: Browser) -> None:
    headers = browser.two_steps()
    browser.ask("/emulate handoff")
    emulator.script.push(Reply((Say(("x",)),)))
    emulator.reset()
    assert browser.get("/conversations").json["total"] == 0
    assert browser.post("/f/conversation", turn_body(), headers).status == 403
    assert emulator.script.pending == 0


# ---------------------------------------------------------------------------- the built-in model


def test_the_built_in_model_says_what_it_is_and_what_it_heard(browser: Browser) -> None:
    text = said_by(browser.ask("Hello there").body)
    assert "not a model" in text
    assert "\u201cHello there\u201d" in text
    assert "/emulate" in text


@pytest.mark.parametrize("text", ["", " ", "a", "a b", " a\n\nb  c ", "\u3000x\u3000"])
def test_words_put_together_are_the_text(text: str) -> None:
    assert "".join(words(text)) == text


def test_the_scenarios_are_listed(browser: Browser) -> None:
    text = said_by(browser.ask("/emulate").body)
    assert all(f"/emulate {name}: " in text for name in SCENARIOS)
    unknown = said_by(browser.ask("/emulate dancing").body)
    assert "no scenario named 'dancing'" in unknown


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("/emulate say One  two\nthree", "One  two\nthree"),
        ("System: be nice.\n\nUser:\n/emulate say Hi", "Hi"),
        ("/emulate tokens", "Tok" + " en" * 19),
        ("/emulate tokens 200", "Tok" + " en" * 199),
        ("/emulate tokens 1", "Tok"),
        ("/emulate tokens 0", "I can do 1 to 100000 tokens."),
        ("/emulate tokens x", "How many tokens? Say a number."),
        ("/emulate slow x", "How slow? Say seconds per word."),
        ("/emulate thinking", "The answer is 42."),
        ("/emulate chunks x", "One two three, and \u00fcml\u00e4uts \U0001f600, too."),
        ("/emulate pause", "This answer stops and goes on."),
    ],
)
def test_a_scenario_says_its_text(browser: Browser, text: str, said: str) -> None:
    assert said_by(browser.ask(text).body) == said


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("/emulate error 401", 401),
        ("/emulate error 429 cap", 429),
        ("/emulate error 403 page", 403),
        ("/emulate garbage", 200),
        ("/emulate garbage page", 200),
        ("/emulate error nothing", 200),
    ],
)
def test_a_scenario_may_refuse_the_turn(browser: Browser, text: str, status: int) -> None:
    assert browser.ask(text).status == status


def test_a_scenario_may_tell_when_to_come_again(browser: Browser) -> None:
    answer = browser.ask("/emulate error 429 after 30")
    assert (answer.status, answer.header("retry-after")) == (429, "30")


def test_a_slow_answer_takes_its_time(browser: Browser, pauses: list[float]) -> None:
    browser.ask("/emulate slow 0.05")
    assert pauses
    assert set(pauses) == {0.05}

"""Everything that can go wrong on purpose, and what it looks like."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from chat2api_core.emulator import (
    At,
    Emulator,
    Hang,
    Interrupt,
    Late,
    Named,
    Reply,
    Respond,
    Say,
    Wire,
)
from chat2api_core.emulator.faults import NAMED, named
from chat2api_core.emulator.script import read_items
from tests.emulator.browser import (
    Browser,
    Request,
    Response,
    array_b,
    data_of,
    drive,
    pack,
    said_by,
    turn_body,
)

P = {"p": f"gAAAAAC{pack(array_b(1))}~S"}
PLACES: list[tuple[Any, str, str, Any]] = [
    ("requirements", "POST", "/sentinel/chat-requirements", P),
    ("prepare", "POST", "/sentinel/chat-requirements/prepare", P),
    ("finalize", "POST", "/sentinel/chat-requirements/finalize", {"prepare_token": "x"}),
    ("init", "POST", "/conversation/init", {}),
    ("conversation_prepare", "POST", "/f/conversation/prepare", {}),
    ("conversation", "POST", "/f/conversation", {}),
    ("conversation", "POST", "/conversation", {}),
    ("resume", "POST", "/f/conversation/resume", {}),
    ("history", "GET", "/conversation/x", None),
    ("models", "GET", "/models", None),
    ("account", "GET", "/me", None),
]


@pytest.mark.parametrize(("place", "method", "path", "body"), PLACES)
def test_a_fault_happens_at_its_place_and_as_often_as_ordered(
    emulator: Emulator, browser: Browser, place: Any, method: str, path: str, body: Any
) -> None:
    emulator.script.push(At(place, Named("503"), times=2))
    answers = [browser.call(method, path, body) for _ in range(3)]
    assert [answer.status == 503 for answer in answers] == [True, True, False]
    assert answers[0].json == {"detail": "Service Unavailable"}
    assert [record.fault for record in emulator.log.at(place)] == ["503", "503", ""]
    assert emulator.script.pending == 0


@pytest.mark.parametrize(
    ("place", "method", "path"),
    [
        ("bootstrap", "GET", "/"),
        ("session", "GET", "/api/auth/session"),
        ("refresh", "POST", "/oauth/token"),
    ],
)
def test_the_home_page_and_the_logins_fail_likewise(
    emulator: Emulator, place: Any, method: str, path: str
) -> None:
    emulator.script.push(At(place, Named("403 page")))
    answer = asyncio.run(drive(emulator, Request(method, path)))
    assert answer.status == 403
    assert answer.header("cf-mitigated") == "challenge"
    assert answer.header("content-type").startswith("text/html")
    assert b"Just a moment..." in answer.body
    assert b"challenge-platform" in answer.body


@pytest.mark.parametrize("name", sorted(NAMED))
def test_every_named_fault_can_be_shown(emulator: Emulator, browser: Browser, name: str) -> None:
    emulator.script.push(At("models", Named(name, retry_after="7")))
    answer = browser.get("/models")
    assert answer.complete
    assert answer.header("retry-after") == "7"
    assert int(answer.header("content-length")) == len(answer.body)
    if name[:3].isdigit():
        assert answer.status == int(name[:3])
    if "page" in name:
        assert answer.header("content-type").startswith("text/html")


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("401", {"detail": "Unauthorized"}),
        (
            "401 expired",
            {
                "detail": {
                    "message": "Your authentication token has expired. "
                    "Please try signing in again.",
                    "type": "invalid_request_error",
                    "param": None,
                    "code": "token_expired",
                }
            },
        ),
        ("422", {"detail": "Invalid conversation body"}),
        ("429", {"detail": "Too many requests in 1 hour. Try again later."}),
        ("409", {"detail": "Only one message at a time."}),
    ],
)
def test_named_faults_have_the_bodies_of_the_service(
    emulator: Emulator, browser: Browser, name: str, body: Any
) -> None:
    emulator.script.push(At("models", Named(name)))
    assert browser.get("/models").json == body


def test_a_usage_cap_tells_when_it_clears() -> None:
    assert b'"clears_in":3360' in named("429 cap").body
    assert b'"resets_after"' in named("429 notice").body
    assert not named("429 empty").body


def test_an_unknown_name_is_refused_where_it_is_ordered(emulator: Emulator) -> None:
    with pytest.raises(ValueError, match="no fault is named '418'"):
        emulator.script.push(At("models", Named("418")))
    with pytest.raises(KeyError, match="known are: 401, "):
        named("418")


@pytest.mark.parametrize(
    "item", [At("models", Interrupt("cut")), At("stream", Named("401")), At("stream", Hang())]
)
def test_a_fault_that_cannot_happen_at_a_place_is_refused(emulator: Emulator, item: At) -> None:
    with pytest.raises(ValueError, match="interrupt"):
        emulator.script.push(item)


def test_a_script_is_bounded(emulator: Emulator) -> None:
    with pytest.raises(ValueError, match="longer than"):
        emulator.script.push(At("models", Named("401"), times=10_001))


def test_any_answer_can_be_ordered(emulator: Emulator, browser: Browser) -> None:
    fault = Respond(418, "teapot", "text/plain", (("x-pot", "yes"),))
    emulator.script.push(At("models", fault))
    answer = browser.get("/models")
    assert (answer.status, answer.body) == (418, b"teapot")
    assert answer.header("x-pot") == "yes"


def test_a_late_answer_is_the_right_one(
    emulator: Emulator, browser: Browser, pauses: list[float]
) -> None:
    emulator.script.push(At("models", Late(3.5)))
    assert browser.get("/models").status == 200
    assert pauses == [3.5]


def test_a_call_that_hangs_is_answered_by_nothing(emulator: Emulator, browser: Browser) -> None:
    emulator.script.push(At("models", Hang()))

    async def run() -> Response:
        gone = False

        async def receive() -> dict[str, Any]:
            nonlocal gone
            if gone:
                return {"type": "http.disconnect"}
            gone = True
            return {"type": "http.request", "body": b""}

        async def send(event: Any) -> None:
            raise AssertionError("nothing is sent")

        request = browser.request("GET", "/models")
        scope = {
            "type": "http",
            "method": "GET",
            "path": request.path,
            "query_string": b"",
            "headers": [],
        }
        await emulator(scope, receive, send)
        return Response()

    asyncio.run(run())
    (record,) = emulator.log.at("models")
    assert (record.status, record.closed, record.fault) == (0, True, "hang")


def stream(browser: Browser, fault: Interrupt) -> Response:
    browser.app.script.push(Reply((Say(("a", "b", "c", "d")),)), At("stream", fault))
    return browser.ask()


# The first piece is the seventh event: encoding, token, two messages, echo, document, marker.
BEFORE = 6


def test_a_cut_stream_has_no_end(browser: Browser) -> None:
    answer = stream(browser, Interrupt("cut", BEFORE + 2))
    assert not answer.complete
    assert len(data_of(answer.body)) == BEFORE + 2
    assert said_by(answer.body) == "ab"


def test_an_ended_stream_ends_well_but_lacks_its_markers(browser: Browser) -> None:
    answer = stream(browser, Interrupt("end", BEFORE + 1))
    assert answer.complete
    assert said_by(answer.body) == "a"
    assert b"message_stream_complete" not in answer.body
    assert b"[DONE]" not in answer.body


def test_an_interrupt_after_the_last_event_comes_last(browser: Browser) -> None:
    answer = stream(browser, Interrupt("cut", 1000))
    assert not answer.complete
    assert data_of(answer.body)[-1] == "[DONE]"


@pytest.mark.parametrize(("how", "piece"), [("garbage", b"{oops"), ("bytes", b"\xff\xfe\xc0")])
def test_garbage_stands_between_good_events(browser: Browser, how: Any, piece: bytes) -> None:
    answer = stream(browser, Interrupt(how, BEFORE + 2))
    assert answer.complete
    blocks = answer.body.split(b"\n\n")
    (bad,) = [number for number, block in enumerate(blocks) if piece in block]
    assert bad == BEFORE + 2
    assert blocks[-2] == b"data: [DONE]"


def test_a_stalled_stream_is_noticed_when_the_client_leaves(
    emulator: Emulator, browser: Browser
) -> None:
    emulator.script.push(At("stream", Interrupt("stall", BEFORE)))
    headers = browser.two_steps()
    request = browser.request("POST", "/f/conversation", turn_body(), headers)
    # The client leaves as soon as something has come.
    answer = asyncio.run(drive(emulator, request, leave=lambda seen: bool(seen.chunks)))
    assert not answer.complete
    assert len(data_of(answer.body)) == BEFORE
    (record,) = emulator.log.at("conversation")
    assert record.closed
    assert record.fault == "interrupt stall"
    assert (emulator.log.open_streams, emulator.log.closed_streams) == (0, 1)


WIRED = "One two, and \u00fcml\u00e4uts \U0001f600."


def wired(make: Callable[..., Emulator], wire: Wire, v1: bool = True) -> Response:
    emulator = make()
    emulator.script.push(Reply((Say(tuple(WIRED)),), wire=wire))
    return Browser(emulator).ask(v1=v1)


@pytest.mark.parametrize("v1", [True, False])
def test_a_wire_may_cut_a_stream_anywhere(make: Callable[..., Emulator], v1: bool) -> None:
    whole = wired(make, Wire(), v1)
    for size in (1, 7):
        cut = wired(make, Wire(chunk=size), v1)
        assert {len(chunk) for chunk in cut.chunks[:-2]} == {size}
        assert cut.body == whole.body
        assert cut.complete


@pytest.mark.parametrize("newline", ["\r\n", "\r"])
def test_a_wire_may_end_lines_in_its_own_way(make: Callable[..., Emulator], newline: Any) -> None:
    whole, other = wired(make, Wire()), wired(make, Wire(newline=newline))
    assert other.body == whole.body.replace(b"\n", newline.encode())


@pytest.mark.parametrize("v1", [True, False])
def test_a_wire_may_glue_objects_together(make: Callable[..., Emulator], v1: bool) -> None:
    whole, glued = wired(make, Wire(), v1), wired(make, Wire(glued=True), v1)
    assert b"}{" in glued.body
    assert b"\n\ndata: [DONE]\n\n" in glued.body
    joint = b"}\n\nevent: delta\ndata: {" if v1 else b"}\n\ndata: {"
    # Taken apart again it is the same stream, but for kinds of events that were never neighbours.
    apart = glued.body.replace(b"}{", joint)
    assert sorted(data_of(apart)) == sorted(data_of(whole.body))


def test_a_wire_may_leave_out_the_last_blank_line(make: Callable[..., Emulator]) -> None:
    whole, ragged = wired(make, Wire()), wired(make, Wire(ragged=True))
    assert ragged.body == whole.body[:-1]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'[{"type":"no"}]',
        b'[{"type":"at","place":"nowhere","fault":{"type":"hang"}}]',
        b'[{"type":"at","place":"models","fault":{"type":"named","name":"418"}}]',
        b'[{"type":"reply","steps":[{"type":"say"}]}]',
        b'[{"type":"reply","stepz":[]}]',
    ],
)
def test_a_script_that_makes_no_sense_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_items(body)

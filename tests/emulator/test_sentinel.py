"""The sentinel: tokens are asked for, proved, used once, in time, by the one they were given to."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from msgspec import convert

from chat2api_core.emulator import Account, Demands, Emulator
from chat2api_core.emulator.accounts import Caller
from chat2api_core.emulator.desk import Desk
from chat2api_core.emulator.exchange import Call, Refused
from tests.emulator.browser import (
    DEVICE,
    UA,
    Browser,
    Response,
    array_a,
    array_b,
    pack,
    solve,
    turn_body,
)
from tests.fakes import FakeClock, FakeIds

P = f"gAAAAAC{pack(array_b(1))}~S"
TOKEN = "openai-sentinel-chat-requirements-token"
PREPARED = "openai-sentinel-chat-requirements-prepare-token"
PROOF = "openai-sentinel-proof-token"


def refused(response: Response, reason: str) -> bool:
    detail = response.json["detail"]
    assert "unusual activity" in detail
    return response.status == 403 and reason in detail


def test_the_one_step_answer_has_the_shape_of_the_protocol(browser: Browser) -> None:
    answer = browser.post("/sentinel/chat-requirements", {"p": f"gAAAAAC{pack(array_a(0))}"})

    assert answer.status == 200
    body = answer.json
    assert body["persona"] == "chatgpt-paid"
    assert body["token"].startswith("gAAAAAB")
    assert body["arkose"] == {"required": False, "dx": None}
    assert body["turnstile"]["required"] is True
    assert body["turnstile"]["dx"]
    assert body["proofofwork"]["required"] is True
    assert body["proofofwork"]["seed"].startswith("0.")
    assert body["proofofwork"]["difficulty"] == "0fffff"
    assert body["force_login"] is False
    assert answer.header("set-cookie").startswith("oai-sc=")


def test_the_two_step_answers_have_the_shapes_of_the_protocol(browser: Browser) -> None:
    first = browser.post("/sentinel/chat-requirements/prepare", {"p": P}).json
    assert first["token"] == ""
    assert first["prepare_token"]
    assert first["expire_after"] == 540
    assert first["so"] == {"required": False}

    proof = browser.prove(first)
    body = {"prepare_token": first["prepare_token"], "proofofwork": proof}
    second = browser.post("/sentinel/chat-requirements/finalize", body).json
    assert set(second) == {"persona", "token", "expire_after"}
    assert second["token"] not in ("", first["prepare_token"])


@pytest.mark.parametrize(
    ("plan", "persona"), [("free", "chatgpt-freeaccount"), ("plus", "chatgpt-paid")]
)
def test_the_persona_tells_the_plan(make: Callable[..., Emulator], plan: str, persona: str) -> None:
    account = Account(plan=plan, access_tokens=("secret",))
    browser = Browser(make(accounts=[account]), token="secret")
    assert browser.post("/sentinel/chat-requirements", {"p": P}).json["persona"] == persona


def test_a_caller_without_a_login_is_noauth_and_needs_a_device(emulator: Emulator) -> None:
    known = Browser(emulator, token="")
    assert known.post("/sentinel/chat-requirements", {"p": P}).json["persona"] == "chatgpt-noauth"

    unknown = Browser(emulator, token="", device="")
    p = f"gAAAAAC{pack(array_a(0))}"
    assert refused(unknown.post("/sentinel/chat-requirements", {"p": p}), "OAI-Device-Id")


@pytest.mark.parametrize("path", ["/f/conversation", "/conversation"])
@pytest.mark.parametrize("token", ["", "login"])
def test_both_forms_open_both_paths_with_and_without_a_login(
    emulator: Emulator, path: str, token: str
) -> None:
    browser = Browser(emulator) if token else Browser(emulator, token="")
    for headers in (browser.one_step(), browser.two_steps()):
        assert browser.post(path, turn_body(), headers).status == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"conversation_mode_kind": "primary_assistant"}, 422),
        ({"p": "x"}, 403),
        ({"p": f"gAAAAAC{pack(array_a(0, 'somebody else'))}"}, 403),
    ],
)
@pytest.mark.parametrize("step", ["", "/prepare"])
def test_a_bad_requirements_call_is_refused(
    browser: Browser, body: dict[str, str], status: int, step: str
) -> None:
    assert browser.post(f"/sentinel/chat-requirements{step}", body).status == status


def test_a_requirements_token_opens_one_conversation_call(browser: Browser) -> None:
    headers = browser.two_steps()
    assert browser.post("/f/conversation", turn_body(), headers).status == 200
    assert refused(browser.post("/f/conversation", turn_body(), headers), "unknown or used")


def test_a_prepare_token_is_finalized_once(browser: Browser) -> None:
    asked = browser.post("/sentinel/chat-requirements/prepare", {"p": P}).json
    body = {"prepare_token": asked["prepare_token"], "proofofwork": browser.prove(asked)}
    assert browser.post("/sentinel/chat-requirements/finalize", body).status == 200
    again = browser.post("/sentinel/chat-requirements/finalize", body)
    assert refused(again, "prepare token is missing, unknown or used")


def test_the_tokens_expire_with_the_announced_time(browser: Browser, clock: FakeClock) -> None:
    headers = browser.two_steps()
    clock.advance(539)
    assert browser.post("/f/conversation", turn_body(), headers).status == 200

    headers = browser.two_steps()
    clock.advance(540)
    assert refused(browser.post("/f/conversation", turn_body(), headers), "expired")

    asked = browser.post("/sentinel/chat-requirements/prepare", {"p": P}).json
    clock.advance(540)
    body = {"prepare_token": asked["prepare_token"], "proofofwork": browser.prove(asked)}
    assert refused(browser.post("/sentinel/chat-requirements/finalize", body), "expired")


def test_tokens_are_bound_to_the_account_and_the_device(
    make: Callable[..., Emulator],
) -> None:
    accounts = [
        Account(user_id="user-a", account_id="a", access_tokens=("token-a",)),
        Account(user_id="user-b", account_id="b", access_tokens=("token-b",)),
    ]
    emulator = make(accounts=accounts)
    headers = Browser(emulator, token="token-a").two_steps()

    for stranger in (
        Browser(emulator, token="token-b"),
        Browser(emulator, token="token-a", device="22222222-2222-4333-8444-555555555555"),
        Browser(emulator, token=""),
    ):
        answer = stranger.post("/f/conversation", turn_body(), headers)
        assert refused(answer, "given to somebody else")
    # The attempts of strangers do not spend it.
    owner = Browser(emulator, token="token-a")
    assert owner.post("/f/conversation", turn_body(), headers).status == 200


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({TOKEN: ""}, "requirements token is missing"),
        ({TOKEN: "gAAAAABmade-up"}, "requirements token is missing, unknown"),
        ({PREPARED: ""}, "prepare token is not the one"),
        ({PREPARED: "gAAAAABmade-up"}, "prepare token is not the one"),
        ({PROOF: ""}, "not the one that was finalized"),
        ({PROOF: solve("0.1", "ffffff")}, "not the one that was finalized"),
    ],
)
def test_a_conversation_with_a_wrong_sentinel_header_is_refused(
    make: Callable[..., Emulator], headers: dict[str, str], reason: str
) -> None:
    browser = Browser(make(demands=Demands(difficulty="003fff")))
    assert refused(send_with(browser, browser.two_steps(), headers), reason)


@pytest.mark.parametrize(
    ("proof", "reason"),
    [
        ("", "proof of work is required"),
        ("gAAAAABwQ8Lk5FbGpA2NcR9dShT6gYjU7VxZ4DImUi~S", "fallback"),
        (solve("0.1", "ffffff"), "above the difficulty"),
    ],
)
def test_after_one_step_the_conversation_itself_shows_the_proof(
    make: Callable[..., Emulator], proof: str, reason: str
) -> None:
    browser = Browser(make(demands=Demands(difficulty="003fff")))
    assert refused(send_with(browser, browser.one_step(), {PROOF: proof}), reason)


def send_with(browser: Browser, good: dict[str, str], changes: dict[str, str]) -> Response:
    """A conversation call with some of its good headers changed, or left out where empty."""
    sent = {name: value for name, value in {**good, **changes}.items() if value}
    return browser.post("/f/conversation", turn_body(), sent)


def test_the_proof_of_the_conversation_is_the_one_that_was_finalized(browser: Browser) -> None:
    asked = browser.post("/sentinel/chat-requirements/prepare", {"p": P}).json
    seed = asked["proofofwork"]["seed"]
    one, other = solve(seed, "0fffff"), solve(seed, "07ffff", "a")
    body = {"prepare_token": asked["prepare_token"], "proofofwork": one}
    token = browser.post("/sentinel/chat-requirements/finalize", body).json["token"]
    headers = {TOKEN: token, PREPARED: asked["prepare_token"], PROOF: other}
    answer = browser.post("/f/conversation", turn_body(), headers)
    assert refused(answer, "not the one that was finalized")


@pytest.mark.parametrize("proof", ["", "gAAAAAB~S", solve("0.1", "ffffff")])
def test_a_finalize_call_without_a_good_proof_is_refused(
    make: Callable[..., Emulator], proof: str
) -> None:
    browser = Browser(make(demands=Demands(difficulty="003fff")))
    asked = browser.post("/sentinel/chat-requirements/prepare", {"p": P}).json
    body = {"prepare_token": asked["prepare_token"], "proofofwork": proof}
    assert browser.post("/sentinel/chat-requirements/finalize", body).status == 403


def test_without_a_difficulty_no_proof_is_asked_for(make: Callable[..., Emulator]) -> None:
    browser = Browser(make(demands=Demands(difficulty="")))
    headers = browser.two_steps()
    del headers[PROOF]
    assert browser.post("/f/conversation", turn_body(), headers).status == 200


@pytest.mark.parametrize("extra", ["turnstile", "arkose", "so"])
@pytest.mark.parametrize("level", ["off", "announced", "enforced"])
def test_what_is_announced_is_missed_only_where_it_is_enforced(
    make: Callable[..., Emulator], extra: str, level: str
) -> None:
    browser = Browser(make(demands=convert({"type": "demands", extra: level}, Demands)))
    asked = browser.post("/sentinel/chat-requirements", {"p": P}).json
    assert asked[extra]["required"] is (level != "off")

    without = browser.post("/f/conversation", turn_body(), browser.two_steps())
    assert without.status == (403 if level == "enforced" else 200)
    token = {f"openai-sentinel-{extra}-token": "solved"}
    answer = browser.post("/f/conversation", turn_body(), {**browser.two_steps(), **token})
    assert answer.status == 200


def test_an_enforced_login_is_announced_and_refuses_the_turn(
    make: Callable[..., Emulator],
) -> None:
    browser = Browser(make(demands=Demands(force_login=True)), token="")
    asked = browser.post("/sentinel/chat-requirements", {"p": P}).json
    assert asked["force_login"] is True
    assert refused(browser.ask(), "login")


def test_demands_of_the_script_hold_for_one_round(browser: Browser, emulator: Emulator) -> None:
    emulator.script.push(Demands(difficulty="000000"))
    path = "/sentinel/chat-requirements"
    first, second = (browser.post(path, {"p": P}).json for _ in range(2))
    assert first["proofofwork"]["difficulty"] == "000000"
    assert second["proofofwork"]["difficulty"] == "0fffff"


def test_behind_a_private_gateway_no_sentinel_is_needed_but_its_key(
    make: Callable[..., Emulator],
) -> None:
    emulator = make(sentinel=False, auth_key="sesame")
    assert Browser(emulator).post("/f/conversation", turn_body()).status == 403
    inside = Browser(emulator, extra={"auth_key": "sesame"})
    assert inside.post("/f/conversation", turn_body()).status == 200


def test_the_ping_of_the_page_is_answered(browser: Browser) -> None:
    assert browser.post("/sentinel/ping").json == {"status": "ok"}


def test_the_desk_forgets_the_oldest_tokens_first() -> None:
    desk = Desk(FakeClock(), FakeIds())
    caller = Caller(DEVICE)
    call = Call("POST", "anon", "/", {"user-agent": UA, "oai-device-id": DEVICE}, {}, b"")
    demands = Demands(difficulty="")
    tokens = [str(desk.issue(call, caller, demands, P)["token"]) for _ in range(8193)]
    conduits = [desk.conduit(caller) for _ in range(8193)]

    def shown(name: str, value: str) -> Call:
        return msgspec.structs.replace(call, headers={**call.headers, name: value})

    with pytest.raises(Refused):
        desk.admit(shown(TOKEN, tokens[0]), caller)
    desk.admit(shown(TOKEN, tokens[1]), caller)
    with pytest.raises(Refused):
        desk.check_conduit(shown("x-conduit-token", conduits[0]), caller)
    desk.check_conduit(shown("x-conduit-token", conduits[1]), caller)


def test_conduit_tokens_are_the_callers_own(emulator: Emulator) -> None:
    browser, other = Browser(emulator), Browser(emulator, token="")
    body = turn_body(messages=None, client_prepare_state="none")
    first = browser.post("/f/conversation/prepare", body)
    assert first.json["status"] == "ok"
    token = first.json["conduit_token"]
    assert token.count(".") == 2

    def prepare(by: Browser, conduit: str) -> Response:
        return by.post("/f/conversation/prepare", body, {"x-conduit-token": conduit})

    assert prepare(browser, token).status == 200
    assert prepare(browser, "").status == 200
    assert refused(prepare(browser, "made.up.token"), "conduit")
    assert refused(prepare(other, token), "conduit")
    assert browser.ask(more={"x-conduit-token": token}).status == 200
    assert refused(browser.ask(more={"x-conduit-token": "made.up.token"}), "conduit")


def test_the_user_agent_must_stay_the_same(browser: Browser) -> None:
    def with_agent(agent: str) -> Any:
        more = {**browser.two_steps(), "user-agent": agent}
        return browser.post("/f/conversation", turn_body(), more)

    assert with_agent(UA).status == 200
    assert refused(with_agent("another"), "User-Agent")
    assert browser.device == DEVICE

"""Reading the requirements of a turn."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.problem import Kind, Problem
from chat2api_core.upstreams.chatgpt_web.proof import Challenge
from chat2api_core.upstreams.chatgpt_web.requirements import (
    Requirements,
    finalize_body,
    opening_body,
    read_conduit,
    read_final,
    read_requirements,
    requirements_fault,
)

ONE_STEP = b"""{
  "persona": "chatgpt-freeaccount",
  "token": "gAAAAABnDEMOrequirementsTOKEN",
  "arkose": {"required": false, "dx": null},
  "turnstile": {"required": true, "dx": "b3BhcXVlLWNoYWxsZW5nZQ=="},
  "proofofwork": {"required": true, "seed": "0.7301234567", "difficulty": "06b0e1"},
  "force_login": false
}"""
TWO_STEPS = b"""{
  "persona": "chatgpt-paid",
  "token": "",
  "prepare_token": "gAAAAABdemoPREPARE",
  "expire_after": 540,
  "proofofwork": {"required": true, "seed": "0.1837465", "difficulty": "05fbd8"},
  "turnstile": {"required": true, "dx": "b3BhcXVl"},
  "so": {"required": true, "collector_dx": "b3BhcXVl", "snapshot_dx": "b3BhcXVl"},
  "arkose": {"required": false},
  "force_login": false
}"""


def test_the_one_step_answer_is_read() -> None:
    assert read_requirements(ONE_STEP) == Requirements(
        token="gAAAAABnDEMOrequirementsTOKEN",
        persona="chatgpt-freeaccount",
        challenge=Challenge("0.7301234567", "06b0e1"),
        turnstile_required=True,
    )


def test_the_first_of_two_steps_is_read() -> None:
    assert read_requirements(TWO_STEPS) == Requirements(
        prepare_token="gAAAAABdemoPREPARE",
        persona="chatgpt-paid",
        challenge=Challenge("0.1837465", "05fbd8"),
        turnstile_required=True,
        so_required=True,
    )


@pytest.mark.parametrize(
    ("situation", "rest", "expected"),
    [
        ("nothing else", b"", Requirements("t")),
        ("nulls", b',"persona":null,"proofofwork":null,"turnstile":null,"arkose":null,"so":null,'
         b'"force_login":null,"prepare_token":null', Requirements("t")),
        ("nulls within", b',"proofofwork":{"required":false,"seed":null,"difficulty":null},'
         b'"turnstile":{"required":null,"dx":null}', Requirements("t")),
        ("empty objects", b',"proofofwork":{},"turnstile":{},"arkose":{},"so":{}',
         Requirements("t")),
        ("a proof without seed", b',"proofofwork":{"required":true}',
         Requirements("t", challenge=Challenge("", ""))),
        ("a proof not required", b',"proofofwork":{"seed":"0.1","difficulty":"0f"}',
         Requirements("t")),
        ("arkose", b',"arkose":{"required":true,"dx":"x"}',
         Requirements("t", arkose_required=True)),
        ("a forced login", b',"force_login":true', Requirements("t", force_login=True)),
        ("unknown keys", b',"bx":[{"a":1}]', Requirements("t")),
    ],
)  # fmt: skip
def test_what_is_missing_is_not_required(
    situation: str, rest: bytes, expected: Requirements
) -> None:
    assert read_requirements(b'{"token":"t"' + rest + b"}") == expected, situation


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{}", b"[]", b"<html>", b"\xff", b'{"token":"\xff"}', b'{"token":""}', b'{"token":7}',
        b'{"token":"t","proofofwork":[]}', b'{"detail":"Unauthorized"}',
        b'{"token":"t","proofofwork":{"required":true,"seed":"' + b"0" * 1025 + b'"}}',
        b'{"token":"t","proofofwork":{"required":true,"difficulty":"' + b"0" * 129 + b'"}}',
    ],
)  # fmt: skip
def test_other_answers_are_garbage(body: bytes) -> None:
    with pytest.raises(Problem) as caught:
        read_requirements(body)
    assert caught.value.kind is Kind.GARBAGE
    assert caught.value.code == "sentinel_unreadable"


def test_the_final_token_is_read() -> None:
    body = b'{"persona": "chatgpt-paid", "token": "gAAAAABdemoFINAL", "expire_after": 540}'
    assert read_final(body) == "gAAAAABdemoFINAL"


@pytest.mark.parametrize("body", [b"", b"{}", b'{"token":null}', b'{"token":""}', b"\xff", b"[]"])
def test_without_a_final_token_the_answer_is_garbage(body: bytes) -> None:
    with pytest.raises(Problem) as caught:
        read_final(body)
    assert caught.value.code == "sentinel_unreadable"


@pytest.mark.parametrize(
    ("body", "token"),
    [
        (b'{"status": "ok", "conduit_token": "eyJ...demo"}', "eyJ...demo"),
        (b'{"status":"ok","conduit_token":null}', ""),
        (b'{"status":"ok"}', ""),
    ],
)
def test_a_conduit_token_may_be_missing(body: bytes, token: str) -> None:
    assert read_conduit(body) == token


@pytest.mark.parametrize("body", [b"", b"[]", b'{"conduit_token":1}', b'"\xff"'])
def test_an_unreadable_preparation_is_garbage(body: bytes) -> None:
    with pytest.raises(Problem) as caught:
        read_conduit(body)
    assert caught.value.code == "conversation_unreadable"


def outcome(read: Callable[[bytes], object], body: bytes) -> Kind | None:
    try:
        read(body)
    except Problem as problem:
        return problem.kind
    return None


@pytest.mark.parametrize("read", [read_requirements, read_final, read_conduit])
@given(body=st.binary())
def test_garbage_gives_only_our_error(read: Callable[[bytes], object], body: bytes) -> None:
    assert outcome(read, body) in (None, Kind.GARBAGE)


@pytest.mark.parametrize(
    ("situation", "requirements", "anonymous", "kind"),
    [
        ("nothing", Requirements("t"), False, None),
        ("turnstile is tried without", Requirements("t", turnstile_required=True), True, None),
        ("so is tried without", Requirements("t", so_required=True), False, None),
        ("arkose", Requirements("t", arkose_required=True), False, Kind.ARKOSE_REQUIRED),
        ("a forced login of an account", Requirements("t", force_login=True), False,
         Kind.UNAUTHORIZED),
        ("a forced login of nobody", Requirements("t", force_login=True), True,
         Kind.LOGIN_REQUIRED),
    ],
)  # fmt: skip
def test_flags_that_make_a_turn_impossible(
    situation: str, requirements: Requirements, anonymous: bool, kind: Kind | None
) -> None:
    fault = requirements_fault(requirements, anonymous=anonymous)
    assert (fault and fault.kind) == kind, situation
    assert fault is None or fault.step == "sentinel"


def test_bodies_leave_out_what_was_not_asked_for() -> None:
    assert opening_body("gAAAAACx~S") == b'{"p":"gAAAAACx~S"}'
    assert finalize_body("P") == b'{"prepare_token":"P"}'
    assert finalize_body("P", "W") == b'{"prepare_token":"P","proofofwork":"W"}'
    assert (
        finalize_body("P", "W", "T") == b'{"prepare_token":"P","proofofwork":"W","turnstile":"T"}'
    )


def test_requirements_do_not_print_their_tokens() -> None:
    text = repr(read_requirements(TWO_STEPS)) + repr(read_requirements(ONE_STEP))
    assert "gAAAAAB" not in text
    assert "chatgpt-paid" in text

"""From refusals to problems: the whole table."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.problem import Kind, Problem, Step
from chat2api_core.upstreams.chatgpt_web.faults import read_fault, unreadable

NOW = 1787313600.0  # 2026-08-21 12:00:00 UTC
HTML = {"content-type": "text/html; charset=UTF-8"}
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjE3ODczMDAwMDB9.c2lnbmF0dXJlLWRlbW8"
JUST_A_MOMENT = b"<!DOCTYPE html><html><head><title>Just a moment...</title></head></html>"


def fault(
    status: int,
    body: object = b"",
    *,
    step: Step = "conversation",
    headers: dict[str, str] | None = None,
    turnstile: bool = False,
    arkose: bool = False,
) -> Problem:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_fault(
        status, headers or {}, raw, step, NOW, turnstile_asked=turnstile, arkose_asked=arkose
    )


def coded(code: str, message: str = "Words.") -> dict[str, object]:
    return {"detail": {"message": message, "code": code}}


@pytest.mark.parametrize(
    ("situation", "status", "body", "kind"),
    [
        # a dead token
        ("plain", 401, {"detail": "Unauthorized"}, Kind.UNAUTHORIZED),
        ("expired", 401, coded("token_expired"), Kind.UNAUTHORIZED),
        ("invalidated", 401, coded("token_invalidated"), Kind.UNAUTHORIZED),
        ("revoked", 401, coded("token_revoked"), Kind.UNAUTHORIZED),
        ("no JWT", 401, coded("invalid_jwt"), Kind.UNAUTHORIZED),
        ("deactivated", 401, coded("account_deactivated"), Kind.UNAUTHORIZED),
        ("deactivated, as a refusal", 403, coded("account_deactivated"), Kind.UNAUTHORIZED),
        ("under error", 401, {"error": {"code": "token_expired"}}, Kind.UNAUTHORIZED),
        ("empty", 401, b"", Kind.UNAUTHORIZED),
        ("a page", 401, b"<html>no</html>", Kind.UNAUTHORIZED),
        # refused
        ("unusual", 403, {"detail": "We detected Unusual activity."}, Kind.UNUSUAL_ACTIVITY),
        ("country", 403, coded("unsupported_country"), Kind.FORBIDDEN),
        ("another refusal", 403, {"detail": "no"}, Kind.FORBIDDEN),
        ("an empty refusal", 403, b"", Kind.FORBIDDEN),
        ("a refusal in plain text", 403, b"no", Kind.FORBIDDEN),
        ("a page with 403", 403, b"<html>Access denied</html>", Kind.CHALLENGED),
        ("a challenge", 403, JUST_A_MOMENT, Kind.CHALLENGED),
        ("a challenge, unavailable", 503, JUST_A_MOMENT, Kind.CHALLENGED),
        ("a challenge, limited", 429, b"<script>window._cf_chl_opt={}", Kind.CHALLENGED),
        ("an older challenge", 403, b"<p id=cf-please-wait>", Kind.CHALLENGED),
        ("its platform", 503, b" <a src=/cdn-cgi/challenge-platform/x>", Kind.CHALLENGED),
        ("payment", 402, coded("deactivated_workspace"), Kind.FORBIDDEN),
        ("a country by law", 451, b"", Kind.FORBIDDEN),
        # declined
        ("a policy", 400, coded("content_policy_violation"), Kind.CONTENT_POLICY),
        ("a policy, by its type", 400, {"error": {"type": "content_policy_error", "code": None}},
         Kind.CONTENT_POLICY),
        ("a policy, in words", 403, {"detail": "This may violate our content policy."},
         Kind.CONTENT_POLICY),
        ("a type says less than a code", 401,
         {"type": "error", "detail": {"code": "token_expired", "type": "content_policy"}},
         Kind.UNAUTHORIZED),
        # not found
        ("no conversation", 404, coded("conversation_not_found"), Kind.CONVERSATION_NOT_FOUND),
        ("no conversation, in words", 404, {"detail": "Conversation not found"},
         Kind.CONVERSATION_NOT_FOUND),
        ("no parent", 404, {"detail": "parent message is not there"},
         Kind.CONVERSATION_NOT_FOUND),
        ("no model", 404, coded("model_not_found"), Kind.MODEL_NOT_FOUND),
        ("no model, in words", 404, {"detail": "Model x does not exist"}, Kind.MODEL_NOT_FOUND),
        ("no such path", 404, {"detail": "Not Found"}, Kind.UPSTREAM_ERROR),
        ("no such path, a page", 404, b"<html>conversation</html>", Kind.UPSTREAM_ERROR),
        # wrong
        ("wrong", 400, {"detail": "bad"}, Kind.REFUSED),
        ("too long for the model", 400, coded("context_length_exceeded"), Kind.CONTEXT_LENGTH),
        ("too long", 413, coded("message_length_exceeds_limit"), Kind.CONTEXT_LENGTH),
        ("too long, in words", 400,
         {"detail": "The message you submitted was too long, please reload the conversation."},
         Kind.CONTEXT_LENGTH),
        ("too long for the edge", 413, b"<html>413</html>", Kind.CONTEXT_LENGTH),
        ("not valid", 422, {"detail": "Invalid conversation body"}, Kind.REFUSED),
        ("not valid, listed", 422,
         {"detail": [{"loc": ["body", "messages"], "msg": "field required", "type": "x"}]},
         Kind.REFUSED),
        ("unknown wrong", 418, b"", Kind.REFUSED),
        ("wrong method", 405, b"", Kind.UPSTREAM_ERROR),
        ("cookies", 431, b"<html>Request Header Fields Too Large</html>", Kind.UPSTREAM_ERROR),
        # limits
        ("busy", 409, {"detail": "Only one message at a time, please"}, Kind.BUSY),
        ("busy with 429", 429, {"detail": "Only one message at a time."}, Kind.BUSY),
        ("busy without words", 409, b"", Kind.BUSY),
        ("limited", 429, {"detail": "Too many requests in 1 hour. Try again later."},
         Kind.RATE_LIMITED),
        ("capped", 429, coded("model_cap_exceeded"), Kind.RATE_LIMITED),
        ("limited by the edge", 429, b"<html>429</html>", Kind.RATE_LIMITED),
        ("limited without words", 429, b"", Kind.RATE_LIMITED),
        ("capped, as a refusal", 403, coded("usage_limit_reached"), Kind.RATE_LIMITED),
        # their trouble
        ("failed", 500, {"detail": "Internal"}, Kind.UPSTREAM_ERROR),
        ("bad gateway", 502, b"<html>502</html>", Kind.UPSTREAM_ERROR),
        ("edge trouble", 520, b"", Kind.UPSTREAM_ERROR),
        ("too early", 425, b"", Kind.UNAVAILABLE),
        ("unavailable", 503, b"", Kind.UNAVAILABLE),
        ("overloaded", 529, b"", Kind.UNAVAILABLE),
        ("slow", 504, b"<html>504</html>", Kind.TIMEOUT),
        ("slow at the edge", 524, b"", Kind.TIMEOUT),
        ("never connected", 522, b"", Kind.TIMEOUT),
        ("slow request", 408, b"", Kind.TIMEOUT),
        ("moved", 302, b"", Kind.UPSTREAM_ERROR),
    ],
)  # fmt: skip
def test_answers_mean(situation: str, status: int, body: object, kind: Kind) -> None:
    problem = fault(status, body)
    assert problem.kind is kind, situation
    assert problem.step == "conversation"
    assert f"HTTP {status}" in problem.message


def test_the_edge_names_its_challenge_in_a_header() -> None:
    assert fault(429, headers={"cf-mitigated": "challenge"}).kind is Kind.CHALLENGED
    assert fault(403, b"", headers=HTML).kind is Kind.CHALLENGED
    assert "PROXY" in fault(403, b"", headers=HTML).message


@pytest.mark.parametrize("step", ["sentinel", "models", "bootstrap", "refresh"])
def test_beyond_the_conversation_404_is_a_wrong_address(step: Step) -> None:
    problem = fault(404, {"detail": "Conversation not found"}, step=step)
    assert problem.kind is Kind.UPSTREAM_ERROR
    assert "CHATGPT_BASE_URL" in problem.message


@pytest.mark.parametrize(
    ("situation", "status", "body", "turnstile", "arkose", "kind"),
    [
        ("turnstile", 403, {"detail": "no"}, True, False, Kind.TURNSTILE_REQUIRED),
        ("turnstile, suspicious", 403, {"detail": "unusual activity"}, True, False,
         Kind.TURNSTILE_REQUIRED),
        ("arkose", 403, b"", False, True, Kind.ARKOSE_REQUIRED),
        ("both", 403, b"", True, True, Kind.ARKOSE_REQUIRED),
        ("neither", 403, {"detail": "no"}, False, False, Kind.FORBIDDEN),
        ("a challenge is a challenge", 403, JUST_A_MOMENT, True, False, Kind.CHALLENGED),
        ("a country is a country", 403, coded("unsupported_country"), True, True, Kind.FORBIDDEN),
        ("a dead token is one", 403, coded("token_expired"), True, False, Kind.UNAUTHORIZED),
        ("another status", 429, b"", True, True, Kind.RATE_LIMITED),
        ("a CAPTCHA does not explain 402", 402, b"", True, True, Kind.FORBIDDEN),
    ],
)  # fmt: skip
def test_a_captcha_that_was_announced_explains_a_refusal(
    situation: str, status: int, body: object, turnstile: bool, arkose: bool, kind: Kind
) -> None:
    problem = fault(status, body, turnstile=turnstile, arkose=arkose)
    assert problem.kind is kind, situation


def test_codes_for_clients_name_the_step() -> None:
    assert fault(401, step="sentinel").code == "sentinel_unauthorized"
    assert fault(401).code == "conversation_unauthorized"
    assert fault(403, JUST_A_MOMENT, step="bootstrap").code == "bootstrap_challenged"
    assert fault(403, turnstile=True).code == "turnstile_required"
    assert fault(413).code == "context_length_exceeded"
    assert fault(413).status == 400
    assert fault(429).code == "rate_limit_exceeded"


@pytest.mark.parametrize(
    ("step", "code", "says"),
    [
        (
            "conversation",
            "context_length_exceeded",
            "The messages are longer than ChatGPT accepts.",
        ),
        ("upload", "request_too_large", "The file is larger than ChatGPT accepts."),
        ("transcription", "request_too_large", "The file is larger than ChatGPT accepts."),
        ("download", "download_upstream_error", "ChatGPT failed. (at the download of a file"),
        ("models", "models_upstream_error", "ChatGPT failed. (at the list of models"),
    ],
)
def test_what_was_too_large_is_said_by_the_step(step: Step, code: str, says: str) -> None:
    problem = fault(413, b"<html>413</html>", step=step)
    assert problem.code == code
    assert says in problem.message


@pytest.mark.parametrize(
    ("situation", "body", "shown"),
    [
        ("a text", {"detail": "Not today."}, "Not today."),
        ("an object", {"detail": {"message": "Not today.", "code": "x"}}, "Not today."),
        ("an error", {"error": {"message": "Not today."}}, "Not today."),
        ("an error as text", {"error": "Not today."}, "Not today."),
        ("a message", {"message": "Not today."}, "Not today."),
        ("an object in an object", {"detail": {"error": {"message": "Not today."}}}, "Not today."),
        ("a limit notice", {"type": "x", "display_description": {"description": "Not today."}},
         "Not today."),
        ("faults", {"detail": [{"loc": ["body", 0], "msg": "Not today."}, {"msg": "B"}, "C", 4]},
         "body.0: Not today.; : B; C"),
        ("no JSON", b"Not today.", "Not today."),
        ("bad bytes", b"Not\xfftoday.", "Not\ufffdtoday."),
    ],
)  # fmt: skip
def test_what_chatgpt_said_is_shown(situation: str, body: object, shown: str) -> None:
    assert fault(500, body).message.endswith(f"(at the conversation, HTTP 500) It said: {shown}")


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"7", b"{}", b'{"detail":null}', b'{"detail":{"a":1}}', b"<p>Hi</p>"],
)
def test_nothing_said_is_nothing_shown(body: bytes) -> None:
    assert fault(500, body).message == "ChatGPT failed. (at the conversation, HTTP 500)"


def test_nested_objects_are_read_to_a_bounded_depth() -> None:
    body: object = {"message": "deep"}
    for _ in range(6):
        body = {"error": body}
    assert "deep" not in fault(500, body).message
    assert fault(500, b"[" * 200_000).kind is Kind.UPSTREAM_ERROR
    assert fault(500, b'{"detail":"' + b"a " * 200_000 + b'"}').kind is Kind.UPSTREAM_ERROR


@pytest.mark.parametrize(
    ("situation", "headers", "body", "seconds"),
    [
        ("nothing is known", {}, {"detail": "Too many requests"}, None),
        ("a header", {"retry-after": "30"}, b"", 30.0),
        ("a header with a page", {"retry-after": "30"}, b"<html></html>", 30.0),
        ("a cap", {}, {"detail": {"clears_in": 3360, "code": "model_cap_exceeded"}}, 3360.0),
        ("a limit notice", {}, {"type": "x", "resets_after": "2026-08-21T12:10:00Z",
                                "limit_details": {"type": "y"}}, 600.0),
    ],
)  # fmt: skip
def test_the_time_to_wait_is_found(
    situation: str, headers: dict[str, str], body: object, seconds: float | None
) -> None:
    assert fault(429, body, headers=headers).retry_after == seconds, situation


@pytest.mark.parametrize(
    ("situation", "content_type", "body", "kind"),
    [
        ("a challenge", "text/html", JUST_A_MOMENT, Kind.CHALLENGED),
        ("a page", "text/html", b"<html>Welcome</html>", Kind.GARBAGE),
        ("a page that says it is JSON", "application/json", b"<html>Welcome</html>", Kind.GARBAGE),
        ("a WebSocket", "application/json", b'{"wss_url":"wss://x.example","conversation_id":"c"}',
         Kind.HANDOFF),
        ("an error", "application/json", b'{"detail":"Something broke"}', Kind.UPSTREAM_ERROR),
        ("a known error", "application/json", b'{"detail":{"code":"model_cap_exceeded"}}',
         Kind.RATE_LIMITED),
        ("an unknown code", "application/json", b'{"error":{"code":"x"}}', Kind.UPSTREAM_ERROR),
        ("other JSON", "application/json", b'{"a":1}', Kind.GARBAGE),
        ("no JSON", "text/plain", b"hello", Kind.GARBAGE),
        ("nothing", "", b"", Kind.GARBAGE),
    ],
)  # fmt: skip
def test_a_good_status_with_a_wrong_body_means(
    situation: str, content_type: str, body: bytes, kind: Kind
) -> None:
    problem = unreadable("conversation", content_type, body)
    assert problem.kind is kind, situation
    assert problem.step == "conversation"


STEPS: tuple[Step, ...] = (
    "auth", "request", "pool", "refresh", "bootstrap", "sentinel", "proof", "conversation",
    "stream", "models",
)  # fmt: skip
BODIES = (
    st.binary()
    | st.text().map(lambda text: json.dumps({"detail": text}).encode())
    | st.text().map(lambda text: json.dumps({"detail": {"message": text, "code": text}}).encode())
    | st.text().map(lambda text: json.dumps({"detail": [{"loc": [text], "msg": text}]}).encode())
    | st.text().map(str.encode)
)


@given(
    st.integers(100, 599),
    st.dictionaries(st.sampled_from(["retry-after", "content-type", "cf-mitigated"]), st.text()),
    BODIES,
    st.sampled_from(STEPS),
    st.booleans(),
    st.booleans(),
)
def test_any_answer_is_a_problem(
    status: int,
    headers: dict[str, str],
    body: bytes,
    step: Step,
    turnstile: bool,
    arkose: bool,
) -> None:
    problem = read_fault(
        status, headers, body, step, NOW, turnstile_asked=turnstile, arkose_asked=arkose
    )
    for found in (problem, unreadable(step, headers.get("content-type", ""), body)):
        assert found.step == step
        assert 0 < len(found.message) < 700
        assert found.retry_after is None or found.retry_after >= 0


@given(
    BODIES, BODIES, st.sampled_from([JWT, "sk-proj-abcdefgh1234567890", "rt_abcdefgh1234567890"])
)
def test_no_token_gets_through(before: bytes, after: bytes, token: str) -> None:
    bodies = (
        before + token.encode() + after,
        json.dumps({"detail": before.decode("latin-1") + token}).encode(),
        json.dumps({"detail": [{"loc": [token], "msg": token}]}).encode(),
        json.dumps({"error": {"message": token, "code": token}}).encode(),
    )
    for body in bodies:
        for problem in (fault(500, body), unreadable("stream", "", body)):
            assert token[:12] not in problem.message

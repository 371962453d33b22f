"""What goes wrong upstream, and what the client is told."""

import pytest

from chat2api_core.accounts.account import Account
from chat2api_core.emulator import (
    DEMO_ACCESS_TOKEN,
    At,
    Cut,
    Demands,
    Fail,
    Hang,
    Interrupt,
    Named,
    Reply,
    Respond,
    Say,
    make_access_token,
)
from chat2api_core.emulator.script import Place
from chat2api_core.secret import Secret
from tests.e2e.conftest import ASK, Api, Start, Upstream

HELLO = Reply((Say(("Hello", "!")),))
TWO = (
    Account(access_token=Secret(make_access_token(account_id="one"))),
    Account(access_token=Secret(make_access_token(account_id="two"))),
)

# Where it fails, how, and the status and code that the client sees when trying again is no help.
FAULTS: list[tuple[Place, Named, int, str]] = [
    ("prepare", Named("401"), 401, "sentinel_unauthorized"),
    ("conversation", Named("401 expired"), 401, "conversation_unauthorized"),
    ("conversation", Named("401 deactivated"), 401, "conversation_unauthorized"),
    ("prepare", Named("403 page"), 403, "sentinel_challenged"),
    ("conversation", Named("403 page"), 403, "conversation_challenged"),
    ("finalize", Named("403"), 403, "sentinel_unusual_activity"),
    ("conversation", Named("403 country"), 403, "conversation_forbidden"),
    ("conversation", Named("404"), 404, "conversation_not_found"),
    ("conversation", Named("404 model"), 404, "model_not_found"),
    ("conversation", Named("409"), 429, "account_busy"),
    ("conversation", Named("413"), 400, "context_length_exceeded"),
    ("conversation", Named("422"), 422, "conversation_refused"),
    ("conversation", Named("422 list"), 422, "conversation_refused"),
    ("prepare", Named("429"), 429, "rate_limit_exceeded"),
    ("conversation", Named("429"), 429, "rate_limit_exceeded"),
    ("conversation", Named("429 notice"), 429, "rate_limit_exceeded"),
    ("conversation", Named("429 page"), 429, "rate_limit_exceeded"),
    ("conversation", Named("429 empty"), 429, "rate_limit_exceeded"),
    ("conversation", Named("500"), 502, "conversation_upstream_error"),
    ("conversation_prepare", Named("500 page"), 502, "conversation_upstream_error"),
    ("conversation", Named("503"), 503, "conversation_unavailable"),
    ("conversation", Named("504 page"), 504, "conversation_timeout"),
    ("prepare", Named("garbage json"), 502, "sentinel_unreadable"),
    ("prepare", Named("garbage bytes"), 502, "sentinel_unreadable"),
    ("finalize", Named("garbage list"), 502, "sentinel_unreadable"),
    ("conversation", Named("garbage page"), 502, "conversation_unreadable"),
    ("conversation", Named("garbage type"), 502, "conversation_unreadable"),
    ("conversation", Named("garbage stream"), 502, "stream_unreadable"),
    ("conversation", Named("old socket"), 502, "stream_handed_off"),
]


@pytest.mark.parametrize(
    ("place", "fault", "status", "code"), FAULTS, ids=[f"{f[0]} {f[1].name}" for f in FAULTS]
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_failure_before_the_first_word_is_an_http_error(
    start: Start,
    emulator: Upstream,
    place: Place,
    fault: Named,
    status: int,
    code: str,
    stream: bool,
) -> None:
    emulator.push(At(place, fault, times=9))
    response = start(retry_times=0).post(ASK | {"stream": stream})

    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert response.headers["x-request-id"]
    assert DEMO_ACCESS_TOKEN not in response.text


def test_the_home_page_is_not_needed(api: Api, emulator: Upstream) -> None:
    emulator.push(At("bootstrap", Named("403 page")), HELLO)

    assert api.stream().text == "Hello!"


class TestLimits:
    def test_the_client_learns_how_long_to_wait(self, start: Start, emulator: Upstream) -> None:
        emulator.push(At("conversation", Named("429 cap")))
        response = start().post(ASK)

        assert response.status_code == 429
        assert 3300 < int(response.headers["retry-after"]) <= 3360

    def test_a_resting_account_is_not_asked(self, start: Start, emulator: Upstream) -> None:
        emulator.push(At("conversation", Named("429", retry_after="120")))
        api = start()
        api.post(ASK)
        calls = emulator.app.log.counts.total()
        response = api.post(ASK)

        assert response.status_code == 429
        assert 110 < int(response.headers["retry-after"]) <= 120
        assert emulator.app.log.counts.total() == calls

    def test_another_account_answers_unseen(self, start: Start, emulator: Upstream) -> None:
        emulator.push(At("conversation", Named("429 cap")), HELLO)

        assert start(accounts=TWO).stream().text == "Hello!"
        owners = {record.owner for record in emulator.app.log.at("conversation")}
        assert len(owners) == 2


class TestTryingAgain:
    @pytest.mark.parametrize("name", ["403", "500", "503 page", "garbage page"])
    def test_fresh_tokens_may_mend_it_unseen(
        self, start: Start, emulator: Upstream, name: str
    ) -> None:
        emulator.push(At("conversation", Named(name)), HELLO)

        assert start().stream().text == "Hello!"
        assert emulator.app.log.counts["finalize"] == 2, "tokens are never used twice"

    def test_an_error_in_the_stream_before_the_first_word_is_mended_too(
        self, start: Start, emulator: Upstream
    ) -> None:
        emulator.push(Reply((Fail(),)), HELLO)

        assert start().stream().text == "Hello!"

    def test_it_is_bounded(self, start: Start, emulator: Upstream) -> None:
        emulator.push(At("conversation", Named("500"), times=9))
        start(retry_times=1).post(ASK)

        assert emulator.app.log.counts["conversation"] == 2


class TestChallenges:
    def test_turnstile_that_is_enforced_is_said_to_be(
        self, start: Start, emulator: Upstream
    ) -> None:
        emulator.push(Demands(turnstile="enforced"))
        error = start(retry_times=0).post(ASK)

        assert error.status_code == 403
        assert error.json()["error"]["code"] == "turnstile_required"
        assert "Turnstile" in error.json()["error"]["message"]

    def test_turnstile_that_is_only_announced_stops_nobody(
        self, start: Start, emulator: Upstream
    ) -> None:
        emulator.push(Demands(turnstile="announced"), HELLO)

        assert start().stream().text == "Hello!"

    def test_arkose_is_not_solved(self, start: Start, emulator: Upstream) -> None:
        emulator.push(Demands(arkose="enforced"))
        error = start(retry_times=0).post(ASK)

        assert (error.status_code, error.json()["error"]["code"]) == (403, "arkose_required")

    def test_a_proof_that_is_too_hard_is_not_tried(self, start: Start, emulator: Upstream) -> None:
        emulator.push(Demands(difficulty="000001"))
        error = start(retry_times=0).post(ASK)

        assert (error.status_code, error.json()["error"]["code"]) == (403, "proof_too_hard")
        assert emulator.app.log.counts["finalize"] == 0

    def test_a_proof_has_its_time(self, start: Start, emulator: Upstream) -> None:
        emulator.push(Demands(difficulty="00000000"))
        error = start(retry_times=0, pow_difficulty="", pow_timeout=0.05).post(ASK)

        assert error.json()["error"]["code"] == "proof_too_hard"


class TestSilence:
    @pytest.mark.parametrize("place", ["prepare", "conversation"])
    def test_no_answer_at_all_is_a_time_out(
        self, start: Start, emulator: Upstream, place: Place
    ) -> None:
        emulator.push(At(place, Hang()))
        response = start(read_timeout=0.3).post(ASK)

        assert response.status_code == 504
        assert response.json()["error"]["code"].endswith("_timeout")

    def test_nobody_there_is_unreachable(self, start: Start) -> None:
        api = start(base_urls=("http://127.0.0.1:9",), retry_times=0)
        response = api.post(ASK)

        assert response.status_code == 502
        assert response.json()["error"]["code"].endswith("_unreachable")
        assert "refused" in response.json()["error"]["message"]

    def test_a_long_silence_is_bridged_without_promising_success(
        self, start: Start, emulator: Upstream
    ) -> None:
        emulator.push(At("conversation", Named("500")))
        emulator.push(At("conversation", Hang()))
        api = start(heartbeat=0.1, read_timeout=0.6, retry_times=1)
        streamed = api.stream()

        assert ": keep-alive\n\n" in streamed.raw
        assert streamed.error["code"] == "conversation_timeout"
        assert not streamed.done


class TestAfterTheFirstWord:
    @pytest.mark.parametrize(
        ("interrupt", "code"),
        [
            (Interrupt("cut", after=9), "stream_cut"),
            (Interrupt("end", after=9), "stream_cut"),
            (Interrupt("stall", after=9), "stream_timeout"),
            (Interrupt("garbage", after=9), "stream_unreadable"),
        ],
        ids=lambda value: value.how if isinstance(value, Interrupt) else "",
    )
    def test_a_failure_is_an_event_and_no_good_end(
        self, start: Start, emulator: Upstream, interrupt: Interrupt, code: str
    ) -> None:
        long = Reply((Say(tuple(f" word{n}" for n in range(50))),))
        emulator.push(At("stream", interrupt), At("resume", Named("404")), long)
        streamed = start(read_timeout=0.3).stream()

        assert streamed.text.startswith(" word0")
        assert streamed.error["code"] == code
        assert not streamed.done
        assert streamed.finish_reason is None
        assert emulator.app.log.counts["conversation"] == 1, "nothing is asked twice"

    def test_a_cut_document_is_an_error_not_a_short_answer(
        self, start: Start, emulator: Upstream
    ) -> None:
        emulator.push(Reply((Say(("Half",)), Cut(clean=True, resume=False))))
        response = start().post(ASK)

        assert response.status_code == 502
        assert response.json()["error"]["code"] == "stream_cut"

    def test_what_chatgpt_says_went_wrong_is_told(self, start: Start, emulator: Upstream) -> None:
        emulator.push(Reply((Say(("Half",)), Fail("Something went wrong."))))

        assert "Something went wrong" in start().stream().error["message"]


class TestCookies:
    def test_a_jar_that_grew_too_large_is_emptied(self, start: Start, emulator: Upstream) -> None:
        emulator.push(At("conversation", Named("431")), HELLO)

        assert start().stream().text == "Hello!"


class TestBadRequests:
    @pytest.mark.parametrize(
        ("change", "param"),
        [
            ({"messages": []}, "messages"),
            ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
            ({"n": 2}, "n"),
            ({"logprobs": True}, "logprobs"),
            ({"tool_choice": "required"}, "tool_choice"),
            ({"max_tokens": 0}, "max_tokens"),
            ({"stream_options": {"include_usage": True}}, "stream_options"),
            ({"temperature": "hot"}, "temperature"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_the_parameter_is_named(
        self, api: Api, emulator: Upstream, change: dict[str, object], param: str
    ) -> None:
        response = api.post(ASK | change)

        assert response.status_code == 400
        assert response.json()["error"]["param"] == param
        assert emulator.app.log.counts.total() == 0

    def test_a_body_that_is_not_json_is_refused(self, api: Api) -> None:
        response = api.client.post("/v1/chat/completions", content=b"{oops")

        assert response.status_code == 400
        assert response.json()["error"]["type"] == "invalid_request_error"

    def test_a_body_that_is_too_large_is_refused(self, start: Start) -> None:
        response = start(max_body=1000).post(ASK | {"user": "x" * 1000})

        assert response.status_code == 413

    def test_so_it_is_for_a_client_that_keeps_no_connection(self, start: Start) -> None:
        """It sends all before it reads, and would see the connection reset."""
        api = start(max_body=2_000_000)
        response = api.client.post(
            "/v1/chat/completions", content=b"x" * 6_000_000, headers={"connection": "close"}
        )

        assert response.status_code == 413


def test_a_respond_fault_is_what_it_says(start: Start, emulator: Upstream) -> None:
    emulator.push(At("models", Respond(418, "{}")))

    assert start(retry_times=0).client.get("/v1/models").status_code == 422

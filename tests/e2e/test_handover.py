"""Answers that go on elsewhere: handed over to a WebSocket, broken off and resumed, kept and polled
for, and long tasks that outlive their stream."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from openai import APIStatusError, OpenAI
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from chat2api_core.emulator import (
    DEMO_ACCESS_TOKEN,
    At,
    Cut,
    Handoff,
    Interrupt,
    Named,
    Reply,
    Say,
    Stall,
    Task,
    Think,
)
from tests.e2e.conftest import ASK, KEY, Api, Start, Upstream

WORDS = tuple(f" word{n}" for n in range(40))
TEXT = "".join(WORDS)
SOCKET = Handoff(("subscribe_ws_topic",))
KEPT = {"history_disabled": False}


@pytest.fixture
def sdk(api: Api) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{api.url}/v1", api_key=KEY, max_retries=0) as client:
        yield client


def said(client: OpenAI) -> str:
    """The text of a streamed answer."""
    stream = client.chat.completions.create(
        model="auto", messages=[{"role": "user", "content": "Hello?"}], stream=True
    )
    return "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)


class TestHandedOver:
    @pytest.mark.parametrize("whole", [False, True], ids=["the rest", "the whole"])
    def test_a_socket_alone_is_followed(self, sdk: OpenAI, emulator: Upstream, whole: bool) -> None:
        emulator.push(Reply((Handoff(("subscribe_ws_topic",), whole=whole), Say(WORDS))))

        assert said(sdk) == TEXT
        assert emulator.app.log.counts["websocket"] == 1
        assert emulator.app.log.counts["resume"] == 0

    def test_a_socket_goes_on_in_the_middle_of_the_text(self, api: Api, emulator: Upstream) -> None:
        for whole in (False, True):
            handoff = Handoff(("subscribe_ws_topic",), whole=whole)
            emulator.push(Reply((Think("Hm.", ("Let ", "me.")), Say(WORDS), handoff, Say(WORDS))))
            stream = api.stream()
            assert stream.text == TEXT + TEXT
            assert stream.reasoning.count("Let me.") == 1
            assert stream.done

    def test_the_stream_is_preferred_where_both_are_offered(
        self, sdk: OpenAI, emulator: Upstream
    ) -> None:
        emulator.push(Reply((Handoff(), Say(WORDS))))

        assert said(sdk) == TEXT
        assert emulator.app.log.counts["resume"] == 1
        assert emulator.app.log.counts["websocket"] == 0

    def test_the_socket_is_followed_where_the_stream_is_gone(
        self, sdk: OpenAI, emulator: Upstream
    ) -> None:
        emulator.push(At("resume", Named("404")), Reply((Handoff(), Say(WORDS))))

        assert said(sdk) == TEXT
        assert emulator.app.log.counts["websocket"] == 1

    def test_a_socket_that_breaks_is_opened_again(self, sdk: OpenAI, emulator: Upstream) -> None:
        emulator.push(Reply((SOCKET, Say(WORDS), Cut(), Say(WORDS), Cut(), Say(("End",)))))

        assert said(sdk) == TEXT + TEXT + "End"
        assert emulator.app.log.counts["websocket"] == 3
        assert emulator.app.log.counts["socket"] == 3, "an address is good for one connection"

    def test_without_a_socket_a_kept_answer_is_polled_for(
        self, start: Start, emulator: Upstream
    ) -> None:
        emulator.push(At("socket", Named("500")), Reply((SOCKET, Say(WORDS))))

        assert start(**KEPT).stream().text == TEXT

    def test_where_nothing_helps_it_is_a_plain_error(self, sdk: OpenAI, emulator: Upstream) -> None:
        emulator.push(At("socket", Named("500")), Reply((SOCKET, Say(WORDS))))
        with pytest.raises(APIStatusError) as caught:
            said(sdk)

        assert caught.value.status_code == 502
        assert caught.value.code == "stream_handed_off"
        assert "WebSocket" in caught.value.message

    def test_who_has_no_login_has_no_socket(self, start: Start, emulator: Upstream) -> None:
        emulator.push(Reply((SOCKET, Say(WORDS))))
        api = start(accounts=(), anonymous=True)
        del api.client.headers["authorization"]
        response = api.post(ASK)

        assert response.status_code == 502
        assert "takes a login" in response.json()["error"]["message"]


class TestBrokenOff:
    @pytest.mark.parametrize("after", [2, 4, 7, 25, 45])
    @pytest.mark.parametrize("how", ["cut", "end", "stall"])
    def test_a_stream_is_taken_up_where_it_broke(
        self, start: Start, emulator: Upstream, after: int, how: str
    ) -> None:
        interrupt = Interrupt("cut" if how == "cut" else "end" if how == "end" else "stall", after)
        emulator.push(At("stream", interrupt), Reply((Say(WORDS),)))
        stream = start(read_timeout=0.4).stream()

        assert stream.text == TEXT
        assert stream.done
        assert emulator.app.log.counts["conversation"] == 1, "nothing is asked twice"

    def test_it_may_break_again_and_the_site_may_be_slow_to_mend(
        self, api: Api, emulator: Upstream
    ) -> None:
        emulator.push(
            At("resume", Named("502")),
            Reply((Say(WORDS), Cut(), Say(WORDS), Cut(), Say(("End",)))),
        )

        assert api.ask()["choices"][0]["message"]["content"] == TEXT + TEXT + "End"
        assert emulator.app.log.counts["resume"] == 3

    def test_a_kept_answer_is_polled_for_where_nothing_can_be_resumed(
        self, start: Start, emulator: Upstream
    ) -> None:
        emulator.push(Reply((Say(WORDS), Cut(resume=False, polls=2), Say(WORDS))))
        stream = start(**KEPT).stream()

        assert stream.text == TEXT + TEXT
        assert stream.done
        assert emulator.app.log.counts["resume"] == 1

    @pytest.mark.parametrize("settings", [KEPT, {}], ids=["kept", "temporary"])
    def test_what_is_lost_is_an_honest_error(
        self, start: Start, emulator: Upstream, settings: dict[str, bool]
    ) -> None:
        emulator.push(Reply((Say(WORDS), Cut(resume=False, lost=True), Say(WORDS))))
        stream = start(**settings).stream()

        assert stream.text == TEXT[: len(stream.text)]
        assert stream.error["code"] == "stream_cut"
        assert not stream.done

    def test_the_thinking_is_not_told_twice(self, api: Api, emulator: Upstream) -> None:
        thinking = Think("Planning", ("First ", "this."), recap=3)
        emulator.push(Reply((thinking, Say(WORDS), Cut(), Say(WORDS))))
        stream = api.stream()

        assert stream.reasoning.count("First this.") == 1
        assert stream.text == TEXT + TEXT

    def test_the_client_may_leave_while_it_is_mended(
        self, start: Start, emulator: Upstream
    ) -> None:
        emulator.push(Reply((SOCKET, Say(WORDS), Stall())))
        api = start()
        with api.client.stream(
            "POST", "/v1/chat/completions", json=ASK | {"stream": True}
        ) as response:
            assert next(response.iter_text())

        assert emulator.eventually(lambda: emulator.app.log.counts["websocket over"] == 1)


class TestTasks:
    RESEARCH = Reply(
        (
            Say(("I will look it up.",)),
            Task(("Reading. ", "Comparing.")),
            Say(("The report ", "is long.")),
        )
    )

    def test_a_kept_task_is_polled_for(self, start: Start, emulator: Upstream) -> None:
        emulator.push(self.RESEARCH)
        stream = start(**KEPT).stream()

        assert stream.text == "I will look it up.\n\nThe report is long."
        assert stream.reasoning == "Reading. Comparing."
        assert stream.finish_reason == "stop"
        assert emulator.app.log.counts["websocket"] == 0

    def test_a_task_that_is_not_kept_tells_its_news_over_the_socket(
        self, api: Api, emulator: Upstream
    ) -> None:
        emulator.push(self.RESEARCH)
        stream = api.stream()

        assert stream.text == "I will look it up.\n\nThe report is long."
        assert stream.reasoning == "Reading. Comparing."
        assert stream.done
        assert emulator.app.log.counts["websocket"] == 1

    def test_it_is_bounded_by_the_time_of_an_answer(self, start: Start, emulator: Upstream) -> None:
        emulator.push(Reply((Say(("Wait.",)), Task(polls=99), Say(("Never.",)))))
        stream = start(answer_timeout=1.5, **KEPT).stream()

        assert stream.text == "Wait."
        assert stream.finish_reason == "length"
        assert stream.done


def test_a_socket_to_the_gateway_itself_is_refused_quietly(
    api: Api, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Clients that try a WebSocket first are told to use HTTP, and nobody's log is filled."""
    url = api.url.replace("http:", "ws:") + "/v1/responses"
    with pytest.raises(InvalidStatus) as caught, connect(url, proxy=None):
        pass

    response = caught.value.response
    assert response.status_code == 426
    assert b"HTTP POST" in (response.body or b"")
    assert not [one for one in caplog.records if one.levelname in {"WARNING", "ERROR"}]
    assert "Unsupported" not in "".join(capfd.readouterr())


def test_the_client_library_is_imported_when_it_is_needed_only() -> None:
    code = (
        "import sys, api.index, chat2api_core.wiring\n"
        "import chat2api_core.upstreams.chatgpt_web.client, chat2api_core.upstreams.codex.client\n"
        "print([name for name in sys.modules if 'socks' in name or name == 'websockets'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_no_secret_is_told(api: Api, emulator: Upstream) -> None:
    emulator.push(At("socket", Named("401 expired")), Reply((SOCKET, Say(WORDS))))

    assert DEMO_ACCESS_TOKEN not in api.post(ASK).text

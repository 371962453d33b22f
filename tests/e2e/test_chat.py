"""POST /v1/chat/completions, from the client's socket to the emulator's."""

import pytest

from chat2api_core.emulator import (
    Aside,
    Cite,
    Code,
    Demands,
    Handoff,
    Hidden,
    Moderated,
    Reply,
    Say,
    Search,
    Source,
    Stop,
    Think,
    Wire,
)
from tests.e2e.conftest import ASK, Api, Start, Upstream

HELLO = Reply((Say(("Hello", ", ", "world", "!")),))


def test_an_answer_arrives_whole(api: Api, emulator: Upstream) -> None:
    emulator.push(HELLO)
    document = api.ask()

    assert document["object"] == "chat.completion"
    assert document["choices"][0]["message"]["content"] == "Hello, world!"
    assert document["choices"][0]["finish_reason"] == "stop"
    assert document["usage"]["completion_tokens"] > 0


def test_an_answer_streams(api: Api, emulator: Upstream) -> None:
    emulator.push(HELLO)
    streamed = api.stream()

    assert streamed.text == "Hello, world!"
    assert streamed.finish_reason == "stop"
    assert streamed.done
    assert streamed.events[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}


@pytest.mark.parametrize("protocol", ["current", "legacy"])
def test_both_encodings_give_the_same_answer(
    start: Start, emulator: Upstream, protocol: str
) -> None:
    emulator.push(HELLO, HELLO)
    api = start(chatgpt_protocol=protocol)

    assert api.stream().text == "Hello, world!"
    assert api.ask()["choices"][0]["message"]["content"] == "Hello, world!"
    conversation = [record.path for record in emulator.app.log.at("conversation")]
    assert all(path.endswith("/f/conversation") is (protocol == "current") for path in conversation)


@pytest.mark.parametrize("protocol", ["current", "legacy"])
@pytest.mark.parametrize("variant", ["sha3", "fnv"])
def test_each_proof_is_accepted_by_each_form(
    start: Start, emulator: Upstream, protocol: str, variant: str
) -> None:
    emulator.push(Demands(difficulty="00ffff"), HELLO)

    assert start(chatgpt_protocol=protocol, pow_algorithm=variant).stream().text == "Hello, world!"


@pytest.mark.parametrize(
    "wire",
    [
        Wire(chunk=1),
        Wire(chunk=7, newline="\r\n"),
        Wire(chunk=3, newline="\r"),
        Wire(glued=True),
        Wire(ragged=True),
    ],
    ids=["one byte at a time", "CRLF in sevens", "CR in threes", "glued objects", "no last blank"],
)
def test_the_answer_does_not_depend_on_how_it_was_cut(
    api: Api, emulator: Upstream, wire: Wire
) -> None:
    steps = (Think("Plan", ("Hm\u2028m.",)), Say(("Grüße, ", "世界", " 🌍", "!")))
    emulator.push(Reply(steps, wire=wire))
    streamed = api.stream()

    assert streamed.text == "Grüße, 世界 🌍!"
    assert "Hm\u2028m." in streamed.reasoning
    assert streamed.done


def test_reasoning_code_and_hidden_messages_go_where_they_belong(
    api: Api, emulator: Upstream
) -> None:
    emulator.push(
        Reply(
            (
                Hidden("never shown"),
                Think("Planning", ("First ", "this."), recap=3),
                Aside(("Looking it up.",), preamble=True),
                Code(("print(6*", "7)"), output="42\n"),
                Say(("It is 42.",)),
            )
        )
    )
    message = api.ask()["choices"][0]["message"]

    assert "First this." in message["reasoning_content"]
    assert "Looking it up." in message["reasoning_content"]
    assert "print(6*7)" in message["content"]
    assert "42\n" in message["content"]
    assert message["content"].endswith("It is 42.")
    assert "never shown" not in str(message)


@pytest.mark.parametrize("style", ["new", "old"])
def test_citations_become_links_with_exact_offsets(
    api: Api, emulator: Upstream, style: str
) -> None:
    source = Source("https://moons.example/titan", "Titan")
    steps = (
        Search("moons", (source,)),
        Say(("Größte: ",)),
        Cite((0,), style=style, cut=True),  # type: ignore[arg-type]
        Say((" Ende.",)),
    )
    emulator.push(Reply(steps))
    message = api.ask()["choices"][0]["message"]

    assert "\ue200" not in message["content"]
    assert "【" not in message["content"]
    (annotation,) = message["annotations"]
    cited = annotation["url_citation"]
    assert cited["url"] == "https://moons.example/titan"
    marked = message["content"][cited["start_index"] : cited["end_index"]]
    assert "https://moons.example/titan" in marked


class TestEnds:
    def test_a_stop_sequence_across_deltas_ends_the_answer(
        self, api: Api, emulator: Upstream
    ) -> None:
        emulator.push(
            Reply(
                (
                    Say(
                        (
                            "one S",
                            "T",
                            "OP two",
                        )
                    ),
                )
            )
        )
        streamed = api.stream(stop=["STOP"])

        assert streamed.text == "one "
        assert streamed.finish_reason == "stop"
        assert streamed.done

    def test_max_tokens_ends_the_answer_and_the_upstream_stream(
        self, api: Api, emulator: Upstream
    ) -> None:
        emulator.push(Reply((Say(tuple(f" word{n}" for n in range(5000))),), delay=0.001))
        document = api.ask(max_tokens=5)

        assert document["choices"][0]["finish_reason"] == "length"
        assert document["usage"]["completion_tokens"] <= 5
        assert emulator.eventually(lambda: emulator.app.log.open_streams == 0)
        assert emulator.app.log.closed_streams == 1

    def test_an_answer_cut_by_chatgpt_is_continued(self, api: Api, emulator: Upstream) -> None:
        emulator.push(Reply((Say(("one ",)), Stop("max_tokens"), Say(("two.",)))))
        streamed = api.stream()

        assert streamed.text == "one two."
        assert streamed.finish_reason == "stop"
        assert len(emulator.app.log.at("conversation")) == 2

    def test_continuing_is_bounded(self, start: Start, emulator: Upstream) -> None:
        emulator.push(Reply((Say(("one ",)), Stop("max_tokens"), Say(("two.",)))))
        streamed = start(max_continues=0).stream()

        assert streamed.text == "one "
        assert streamed.finish_reason == "length"
        assert streamed.done

    def test_a_moderated_answer_ends_as_content_filter(self, api: Api, emulator: Upstream) -> None:
        emulator.push(Reply((Say(("Well, ",)), Moderated())))

        assert api.stream().finish_reason == "content_filter"

    def test_a_stream_that_is_handed_off_is_resumed(self, api: Api, emulator: Upstream) -> None:
        emulator.push(Reply((Say(("one ",)), Handoff(), Say(("two.",)))))
        streamed = api.stream()

        assert streamed.text == "one two."
        assert streamed.done
        assert len(emulator.app.log.at("resume")) == 1

    def test_a_hand_off_without_resume_is_followed_to_its_socket(
        self, api: Api, emulator: Upstream
    ) -> None:
        emulator.push(Reply((Handoff(("subscribe_ws_topic",)), Say(("two.",)))))

        assert api.stream().text == "two."


class TestUsage:
    def test_a_stream_tells_usage_when_asked_to(self, api: Api, emulator: Upstream) -> None:
        emulator.push(HELLO)
        streamed = api.stream(stream_options={"include_usage": True})

        assert streamed.events[-1]["choices"] == []
        assert streamed.events[-1]["usage"]["total_tokens"] > 0
        assert all(event["usage"] is None for event in streamed.events[:-1])

    def test_and_only_then(self, api: Api, emulator: Upstream) -> None:
        emulator.push(HELLO)

        assert all(event["choices"] for event in api.stream().events)


class TestConversations:
    def test_a_conversation_goes_on_where_it_was(self, start: Start, emulator: Upstream) -> None:
        api = start(history_disabled=False)
        first = api.ask()
        api.ask(
            messages=[{"role": "user", "content": "And now?"}],
            conversation_id=first["conversation_id"],
            parent_message_id=first["message_id"],
        )

        body = emulator.app.log.at("conversation")[-1].json
        assert isinstance(body, dict)
        assert body["conversation_id"] == first["conversation_id"]
        assert body["parent_message_id"] == first["message_id"]
        assert len(body["messages"]) == 1

    def test_without_a_parent_it_goes_on_at_its_end(self, start: Start, emulator: Upstream) -> None:
        api = start(history_disabled=False)
        first = api.ask()
        api.ask(conversation_id=first["conversation_id"])

        body = emulator.app.log.at("conversation")[-1].json
        assert isinstance(body, dict)
        assert body["parent_message_id"] == first["message_id"]

    def test_an_unknown_conversation_is_not_found(self, api: Api) -> None:
        body = {"conversation_id": "00000000-0000-4000-8000-000000000000"}
        response = api.post(ASK | body | {"parent_message_id": "x"})

        assert response.status_code == 404
        assert response.json()["error"]["code"] == "conversation_not_found"


class TestWhatIsSent:
    def test_a_turn_is_announced_and_cleared_before_it_begins(
        self, api: Api, emulator: Upstream
    ) -> None:
        api.ask()
        api.ask()
        counts = emulator.app.log.counts

        assert counts["bootstrap"] == 1, "the home page is remembered"
        assert counts["prepare"] == counts["finalize"] == counts["conversation"] == 2
        assert counts["conversation_prepare"] == 2

    def test_a_site_of_the_older_form_is_found_out_once(
        self, start: Start, emulator: Upstream
    ) -> None:
        from chat2api_core.emulator import At, Respond

        emulator.push(At("prepare", Respond(404, '{"detail":"Not Found"}')), HELLO, HELLO)
        api = start()

        assert api.stream().text == "Hello, world!"
        assert api.stream().text == "Hello, world!"
        assert emulator.app.log.counts["prepare"] == 1
        assert emulator.app.log.counts["requirements"] == 2

    def test_behind_a_gateway_that_does_the_rest_the_conversation_is_all(
        self, start: Start, emulator: Upstream
    ) -> None:
        start(conversation_only=True).post(ASK)

        assert set(emulator.app.log.counts) == {"conversation"}

    def test_no_history_is_kept_unless_wished(self, start: Start, emulator: Upstream) -> None:
        start().ask()
        start(history_disabled=False).ask()
        bodies = [record.json for record in emulator.app.log.at("conversation")]

        kept = [body["history_and_training_disabled"] for body in bodies]  # type: ignore[index]
        assert kept == [True, False]

    def test_a_gpt_and_an_effort_are_selected_by_the_model_name(
        self, api: Api, emulator: Upstream
    ) -> None:
        api.ask(model="gpt-4-gizmo-g-abc123", reasoning_effort="high")
        body = emulator.app.log.at("conversation")[-1].json

        assert isinstance(body, dict)
        assert body["conversation_mode"] == {"kind": "gizmo_interaction", "gizmo_id": "g-abc123"}
        assert body["thinking_effort"] == "max"


def test_a_client_that_leaves_closes_the_stream_of_chatgpt(api: Api, emulator: Upstream) -> None:
    emulator.push(Reply((Say(tuple(f" word{n}" for n in range(1000))),), delay=0.02))
    with api.client.stream("POST", "/v1/chat/completions", json=ASK | {"stream": True}) as response:
        next(response.iter_text())
        assert emulator.app.log.open_streams == 1

    assert emulator.eventually(lambda: emulator.app.log.open_streams == 0, seconds=1.0)
    assert emulator.app.log.closed_streams == 1

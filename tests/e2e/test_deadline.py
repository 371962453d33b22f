"""An answer that takes too long is ended in time, and can be gone on with."""

import re
from typing import Any

from openai import OpenAI

from chat2api_core.accounts.account import Account
from chat2api_core.emulator import Emulator, Reply, Say, Stall, Think, Turn, make_access_token
from chat2api_core.secret import Secret
from chat2api_core.server import serving
from tests.e2e.conftest import ASK, KEY, Api, Start, Upstream

SLOW = Reply((Say(("Once", " upon")), Stall()))


def test_a_stream_ends_cleanly_when_its_time_is_over(start: Start, emulator: Upstream) -> None:
    emulator.push(SLOW)
    stream = start(answer_timeout=1.0).stream()

    assert stream.text == "Once upon"
    assert stream.finish_reason == "length"
    assert stream.done
    assert stream.error is None
    assert stream.events[-1]["conversation_id"]


def test_a_document_ends_cleanly_when_its_time_is_over(start: Start, emulator: Upstream) -> None:
    emulator.push(SLOW)
    document = start(answer_timeout=1.0).ask()

    assert document["choices"][0]["message"]["content"] == "Once upon"
    assert document["choices"][0]["finish_reason"] == "length"
    assert document["conversation_id"]


def test_an_answer_that_does_not_begin_in_time_is_a_504(start: Start, emulator: Upstream) -> None:
    emulator.push(Reply((Stall(),)))
    response = start(answer_timeout=1.0).post(ASK)

    assert response.status_code == 504
    assert response.json()["error"]["code"] == "stream_timeout"


def sdk(api: Api) -> OpenAI:
    return OpenAI(base_url=f"{api.url}/v1", api_key=KEY, max_retries=0)


def asked(emulator: Upstream) -> Any:
    """What the upstream was asked last."""
    return emulator.app.log.at("conversation")[-1].json


def cut_response(api: Api, emulator: Upstream, model: str = "auto") -> Any:
    """A streamed response that was ended in mid-answer."""
    emulator.push(SLOW)
    with sdk(api) as client:
        events = list(client.responses.create(model=model, input="A tale!", stream=True))
    last: Any = events[-1]
    assert last.type == "response.incomplete"
    assert last.response.incomplete_details.reason == "max_output_tokens"
    assert last.response.output_text == "Once upon"
    assert last.response.id == events[0].response.id  # type: ignore[union-attr]
    return last.response


def test_a_cut_response_of_a_temporary_chat_is_gone_on_from_what_was_kept(
    start: Start, emulator: Upstream
) -> None:
    api = start(answer_timeout=0.5)
    cut = cut_response(api, emulator)
    emulator.push(Reply((Say((" a time.",)),)))
    with sdk(api) as client:
        rest = client.responses.create(model="auto", input="Go on.", previous_response_id=cut.id)

    assert rest.output_text == " a time."
    said = [message["content"]["parts"][0] for message in asked(emulator)["messages"]]
    assert [said[0], said[-1]] == ["A tale!", "Go on."]
    assert "Once upon" in said[1]


def test_a_cut_response_of_a_kept_chat_is_gone_on_from_by_an_instance_that_knows_nothing(
    start: Start, emulator: Upstream
) -> None:
    cut = cut_response(start(answer_timeout=0.5, history_disabled=False), emulator)
    emulator.push(Reply((Say((" a time.",)),)))
    with sdk(start(history_disabled=False)) as client:
        rest = client.responses.create(model="auto", input="Go on.", previous_response_id=cut.id)

    assert rest.output_text == " a time."
    body = asked(emulator)
    assert body["conversation_id"]
    assert [message["content"]["parts"] for message in body["messages"]] == [["Go on."]]


def test_a_cut_response_can_be_fetched_as_it_was(start: Start, emulator: Upstream) -> None:
    api = start(answer_timeout=0.5)
    cut = cut_response(api, emulator)
    with sdk(api) as client:
        kept = client.responses.retrieve(cut.id)

    assert kept.status == "incomplete"
    assert kept.output_text == "Once upon"


def test_a_cut_document_is_gone_on_from_like_a_stream(start: Start, emulator: Upstream) -> None:
    emulator.push(SLOW)
    with sdk(start(answer_timeout=0.5)) as client:
        cut = client.responses.create(model="auto", input="A tale!")
        assert cut.status == "incomplete"
        client.responses.create(model="auto", input="Go on.", previous_response_id=cut.id)

    assert len(asked(emulator)["messages"]) == 3


def test_a_cut_chat_is_gone_on_from_in_its_conversation(start: Start, emulator: Upstream) -> None:
    emulator.push(SLOW)
    cut = start(answer_timeout=0.5, history_disabled=False).stream().events[-1]
    emulator.push(Reply((Say((" a time.",)),)))
    document = start(history_disabled=False).ask(
        messages=[{"role": "user", "content": "Go on."}],
        conversation_id=cut["conversation_id"],
        parent_message_id=cut["message_id"],
    )

    assert document["choices"][0]["message"]["content"] == " a time."
    assert document["conversation_id"] == cut["conversation_id"]
    assert asked(emulator)["conversation_id"] == cut["conversation_id"]
    assert asked(emulator)["parent_message_id"] == cut["message_id"]


def test_a_cut_answer_that_was_thought_about_is_gone_on_from_what_was_said(start: Start) -> None:
    heard: list[str] = []

    def model(turn: Turn) -> Reply:
        if turn.last_user_text == "Go on.":
            heard.extend(said.text for said in turn.messages)
            return Reply((Say((" a time.",)),))
        return Reply((Think("Looking back", ("Long", " ago.")), Say(("Once", " upon")), Stall()))

    with serving(Emulator(model=model)) as url:
        api = start(answer_timeout=0.7, history_disabled=False, base_urls=(url,))
        cut = api.stream().events[-1]
        messages = [{"role": "user", "content": "Go on."}]
        ids = {"conversation_id": cut["conversation_id"], "parent_message_id": cut["message_id"]}
        document = api.ask(messages=messages, **ids)

    assert document["choices"][0]["message"]["content"] == " a time."
    assert heard[-2:] == ["Once upon", "Go on."]


def test_a_cut_response_of_the_codex_upstream_is_gone_on_from_what_was_kept(
    start: Start, emulator: Upstream
) -> None:
    codex = Account(access_token=Secret(make_access_token(jti="codex")), type="codex")
    api = start(answer_timeout=0.5, accounts=(codex,))
    cut = cut_response(api, emulator, model="gpt-5.5")
    emulator.push(Reply((Say((" a time.",)),)))
    with sdk(api) as client:
        rest = client.responses.create(model="gpt-5.5", input="Go on.", previous_response_id=cut.id)

    assert rest.output_text == " a time."
    body: Any = emulator.app.log.at("codex")[-1].json
    texts = [part["text"] for item in body["input"] for part in item["content"]]
    assert texts == ["A tale!", "Once upon", "Go on."]


def half_a_call(turn: Turn) -> Reply:
    """A model that falls silent within a call, and does without one the next time."""
    taught = "\n".join(heard.text for heard in turn.messages)
    mark = re.search(r"<call_(\w+)", taught)
    if "Go on." in taught or mark is None:
        return Reply((Say(("Never mind.",)),))
    call = f'<call_{mark[1]} name="get_weather">{{"city": "Ro'
    return Reply((Say(("Let me see. ", call)), Stall()))


def test_half_a_call_is_not_gone_on_from(start: Start) -> None:
    tool: Any = {
        "type": "function",
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    }
    app = Emulator(model=half_a_call)
    with serving(app) as url, sdk(start(answer_timeout=0.5, base_urls=(url,))) as client:
        cut = client.responses.create(model="auto", input="Weather?", tools=[tool])
        rest = client.responses.create(
            model="auto", input="Go on.", tools=[tool], previous_response_id=cut.id
        )

    body: Any = app.log.at("conversation")[-1].json
    assert [item.type for item in cut.output] == ["message", "function_call"]
    assert cut.output[1].status == "incomplete"  # type: ignore[union-attr]
    assert cut.status == "incomplete"
    assert rest.output_text == "Never mind."
    assert "Let me see." in str(body["messages"])
    assert '"Ro' not in str(body["messages"])

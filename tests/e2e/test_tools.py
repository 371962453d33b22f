"""What ChatGPT does by itself: searching, running code, writing beside, researching, being a GPT;
through both APIs, as the official client sees it."""

from typing import Any

import pytest

from chat2api_core.accounts.account import Account
from chat2api_core.emulator import (
    Canvas,
    Cite,
    Code,
    Reply,
    Say,
    Search,
    Source,
    Think,
    make_access_token,
)
from chat2api_core.emulator.replies import Task
from chat2api_core.secret import Secret
from tests.e2e.conftest import ASK, Api, Start, Upstream
from tests.e2e.official import sdk

CODEX = Account(access_token=Secret(make_access_token(jti="codex")), type="codex")
TITAN = Source("https://moons.example/titan", "Titan")
PAREN = Source("https://moons.example/io_(moon)", "Io [the moon]")
MESSAGES: Any = [{"role": "user", "content": "Which moon is the largest?"}]
HINTS = ["search", "reason", "canvas"]
DELFT: Any = {"type": "approximate", "approximate": {"city": "Delft", "country": "NL"}}


def turn(emulator: Upstream) -> Any:
    """The body of the last turn that came to the web backend."""
    return emulator.app.log.at("conversation")[-1].json


def both(api: Api, **fields: Any) -> list[Any]:
    """The text of the answer and its marks, as each API tells them: whole and streamed."""
    with sdk(api) as client:
        whole: Any = client.chat.completions.create(model="auto", messages=MESSAGES, **fields)
        chunks: Any = client.chat.completions.create(
            model="auto", messages=MESSAGES, stream=True, **fields
        )
        text, marks = "", []
        for chunk in chunks:
            for choice in chunk.choices:
                text += choice.delta.content or ""
                marks += (choice.delta.model_extra or {}).get("annotations", [])
        response: Any = client.responses.create(model="auto", input=MESSAGES, **fields)
        events: Any = client.responses.create(model="auto", input=MESSAGES, stream=True, **fields)
        streamed = [event.annotation for event in events if event.type.endswith("annotation.added")]
    message = whole.choices[0].message
    said = next(item for item in response.output if item.type == "message").content[0]
    plain = [one.model_dump()["url_citation"] for one in message.annotations or []]
    return [
        (message.content, plain),
        (text, [one["url_citation"] for one in marks]),
        (said.text, [one.model_dump() for one in said.annotations]),
        (said.text, [one if isinstance(one, dict) else one.model_dump() for one in streamed]),
    ]


# ------------------------------------------------------------------------------------- citations


@pytest.mark.parametrize("style", ["new", "old"])
def test_a_citation_says_exactly_where_its_mark_is(
    api: Api, emulator: Upstream, style: Any
) -> None:
    answer = Reply(
        (
            Search("moons", (TITAN, PAREN)),
            Say(("\U0001fa90 Titan is ", "the largest ")),
            Cite((0,), style),
            Say((", Io is ", "hot ")),
            Cite((1,), style, cut=True),
            Say((".",)),
        )
    )
    emulator.push(answer, answer, answer, answer)

    for text, marks in both(api):
        assert [mark["url"] for mark in marks] == [TITAN.url, PAREN.url]
        assert [mark["title"] for mark in marks] == [TITAN.title, PAREN.title]
        shown = [text[mark["start_index"] : mark["end_index"]] for mark in marks]
        assert shown == [
            "([moons.example](https://moons.example/titan))",
            "([moons.example](https://moons.example/io_%28moon%29))",
        ]
        assert text.startswith("\U0001fa90 Titan is the largest ")
        assert text.endswith(".")


# ------------------------------------------------------------------------- switches and searches


@pytest.mark.parametrize("hint", HINTS)
def test_a_switch_is_set_for_the_turn_and_its_message(
    api: Api, emulator: Upstream, hint: str
) -> None:
    for path, words in (("chat/completions", "messages"), ("responses", "input")):
        body = {"model": "auto", words: MESSAGES, "system_hints": [hint]}
        assert api.post(body, f"/v1/{path}").status_code == 200
        sent = turn(emulator)
        assert sent["system_hints"] == [hint]
        assert sent["messages"][-1]["metadata"]["system_hints"] == [hint]


@pytest.mark.parametrize("path", ["chat/completions", "responses"])
def test_a_switch_that_nobody_knows_is_refused(api: Api, path: str) -> None:
    body = {"messages": MESSAGES, "input": MESSAGES, "system_hints": ["telepathy"]}
    response = api.post(body, f"/v1/{path}")

    assert response.status_code == 400
    assert response.json()["error"]["param"] == "system_hints[0]"
    assert "search, reason, canvas or research" in response.json()["error"]["message"]


def test_search_options_switch_the_search_on(api: Api, emulator: Upstream) -> None:
    with sdk(api) as client:
        client.chat.completions.create(
            model="auto",
            messages=MESSAGES,
            web_search_options={"search_context_size": "low", "user_location": DELFT},
        )

    sent = turn(emulator)
    assert sent["system_hints"] == ["search"]
    assert sent["messages"][-1]["content"]["parts"] == [MESSAGES[0]["content"]]
    (told,) = sent["messages"][0]["content"]["parts"]
    assert sent["messages"][0]["author"]["role"] == "system"
    assert told == "When you search the web: the user is in or near Delft, NL."


def test_a_search_beside_tools_of_the_client_is_not_lost(api: Api, emulator: Upstream) -> None:
    tool: Any = {"type": "function", "function": {"name": "get_time", "parameters": None}}
    with sdk(api) as client:
        client.chat.completions.create(
            model="auto",
            messages=MESSAGES,
            tools=[tool],
            web_search_options={"user_location": DELFT},
        )

    sent = turn(emulator)
    assert sent["system_hints"] == ["search"]
    assert "near Delft, NL" in sent["messages"][0]["content"]["parts"][0]


@pytest.mark.parametrize("choice", ["auto", {"type": "web_search_preview"}])
def test_the_search_tool_of_responses_switches_the_search_on(
    api: Api, emulator: Upstream, choice: Any
) -> None:
    emulator.push(Reply((Search("moons", (TITAN,)), Say(("Titan ",)), Cite((0,)))))
    tool: Any = {
        "type": "web_search",
        "user_location": {"type": "approximate", "city": "Delft"},
        "filters": {"allowed_domains": ["moons.example"]},
    }
    with sdk(api) as client:
        response = client.responses.create(
            model="auto", input=MESSAGES, tools=[tool], tool_choice=choice
        )

    sent = turn(emulator)
    assert sent["system_hints"] == ["search"]
    (told,) = sent["messages"][0]["content"]["parts"]
    assert "near Delft" in told
    assert "moons.example" in told
    assert response.output_text.startswith("Titan ([moons.example]")
    assert [item.type for item in response.output] == ["web_search_call", "message"]
    search: Any = response.output[0]
    assert search.action.query == "moons"


def test_a_search_beside_functions_is_told_of_as_well(api: Api, emulator: Upstream) -> None:
    emulator.push(Reply((Search("moons", (TITAN,)), Say(("Titan ",)), Cite((0,)))))
    tool: Any = {"type": "function", "name": "get_time", "parameters": {"type": "object"}}
    body = {"model": "auto", "input": MESSAGES, "tools": [tool], "max_output_tokens": 50}
    document = api.post(body, "/v1/responses").json()

    assert [item["type"] for item in document["output"]] == ["web_search_call", "message"]
    (said,) = document["output"][1]["content"]
    (mark,) = said["annotations"]
    shown = said["text"][mark["start_index"] : mark["end_index"]]
    assert shown == "([moons.example](https://moons.example/titan))"


def test_codex_searches_with_the_options(start: Start, emulator: Upstream) -> None:
    api = start(accounts=(CODEX,))
    with sdk(api) as client:
        client.chat.completions.create(
            model="gpt-5.5",
            messages=MESSAGES,
            web_search_options={"search_context_size": "low", "user_location": DELFT},
            verbosity="low",
            prompt_cache_key="talk-1",
            service_tier="priority",
        )

    sent: Any = emulator.app.log.at("codex")[-1].json
    location = {"type": "approximate", "city": "Delft", "country": "NL"}
    search = {"type": "web_search", "search_context_size": "low", "user_location": location}
    assert sent["tools"] == [search]
    assert sent["text"]["verbosity"] == "low"
    assert sent["prompt_cache_key"] == "talk-1"
    assert sent["service_tier"] == "priority"


# ------------------------------------------------------------------------ GPTs, code, the canvas


@pytest.mark.parametrize("model", ["g-abc123", "gpt-4-gizmo-g-abc123"])
@pytest.mark.parametrize("protocol", ["current", "legacy"])
def test_a_gpt_answers_by_its_name(
    start: Start, emulator: Upstream, model: str, protocol: str
) -> None:
    api = start(chatgpt_protocol=protocol)
    with sdk(api) as client:
        for ask in (
            lambda: client.chat.completions.create(model=model, messages=MESSAGES),
            lambda: client.responses.create(model=model, input=MESSAGES),
        ):
            ask()
            mode = turn(emulator)["conversation_mode"]
            assert mode == {"kind": "gizmo_interaction", "gizmo_id": "g-abc123"}
            assert turn(emulator)["model"] == "auto"


def test_code_and_what_it_printed_are_fenced(api: Api, emulator: Upstream) -> None:
    answer = Reply((Code(("print(6*", "7)"), "42\n"), Say(("It is 42.",))))
    emulator.push(answer, answer, answer, answer)

    for text, marks in both(api):
        assert text == "```python\nprint(6*7)\n```\n\n```\n42\n```\n\nIt is 42."
        assert marks == []


def test_a_canvas_document_is_a_block_under_its_name(api: Api, emulator: Upstream) -> None:
    page = Canvas("moons", "# Moons")
    code = Canvas("orbit", "print('```')\n", "code/python")
    emulator.push(*[Reply((page, code, Say(("See beside.",))))] * 4)

    for text, _ in both(api):
        assert text == (
            "**moons**\n\n````markdown\n# Moons\n````\n\n"
            "**orbit**\n\n````python\nprint('```')\n````\n\nSee beside."
        )


# ------------------------------------------------------------------------------------- research


@pytest.mark.parametrize("stream", [True, False])
def test_research_shows_its_progress_as_thinking(
    start: Start, emulator: Upstream, stream: bool
) -> None:
    task = Task(("Reading three pages. ", "Comparing them."), polls=2)
    report = (Search("moons", (TITAN,)), Say(("Titan is the largest ",)), Cite((0,)))
    emulator.push(Reply((Think("Planning", ("What to read.",)), task, *report)))
    api = start()
    body = ASK | {"system_hints": ["research"], "stream": stream}

    if stream:
        streamed = api.stream(system_hints=["research"])
        text, reasoning = streamed.text, streamed.reasoning
        assert streamed.done
        assert streamed.finish_reason == "stop"
    else:
        message = api.post(body).json()["choices"][0]["message"]
        text, reasoning = message["content"], message["reasoning_content"]

    sent = turn(emulator)
    assert sent["system_hints"] == ["research"]
    assert sent["history_and_training_disabled"] is False, "it is found by its conversation"
    assert text == "Titan is the largest ([moons.example](https://moons.example/titan))"
    assert "What to read." in reasoning
    assert "Comparing them." in reasoning


def test_research_through_responses(api: Api, emulator: Upstream) -> None:
    emulator.push(Reply((Task(("Reading.",)), Say(("Titan.",)))))
    body = {"model": "auto", "input": MESSAGES, "system_hints": ["research"]}
    document = api.post(body, "/v1/responses").json()

    kinds = [item["type"] for item in document["output"]]
    assert kinds == ["reasoning", "message"]
    assert document["output"][1]["content"][0]["text"] == "Titan."


def test_research_in_a_temporary_chat_is_refused(api: Api) -> None:
    response = api.post(ASK | {"system_hints": ["research"], "history_disabled": True})

    assert response.status_code == 400
    assert response.json()["error"]["param"] == "system_hints"


# ------------------------------------------------------------------------- who has no account


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": "g-abc123"}, "model"),
        ({"system_hints": ["research"]}, "system_hints"),
    ],
)
def test_without_an_account_it_is_said_what_needs_one(
    start: Start, emulator: Upstream, fields: dict[str, object], param: str
) -> None:
    api = start(anonymous=True)
    del api.client.headers["authorization"]
    response = api.post(ASK | fields)

    assert response.status_code == 403
    assert response.json()["error"]["code"] == "login_required"
    assert response.json()["error"]["param"] == param
    assert not emulator.app.log.at("requirements")


def test_without_an_account_the_web_is_searched_all_the_same(
    start: Start, emulator: Upstream
) -> None:
    api = start(anonymous=True)
    del api.client.headers["authorization"]

    assert api.post(ASK | {"web_search_options": {}}).status_code == 200
    assert turn(emulator)["system_hints"] == ["search"]

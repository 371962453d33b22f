"""What goes through to the Codex backend as it is, and what comes back as it was sent."""

import json
from typing import Any

import pytest
from openai import OpenAI

from chat2api_core.accounts.account import Account
from chat2api_core.emulator import (
    At,
    Call,
    Cite,
    Fail,
    Frame,
    Image,
    Named,
    Reply,
    Respond,
    Say,
    Search,
    Source,
    Stop,
    Think,
    make_access_token,
)
from chat2api_core.secret import Secret
from tests.e2e.conftest import KEY, Api, Start, Upstream
from tests.e2e.official import sdk

CODEX = Account(access_token=Secret(make_access_token(jti="codex")), type="codex")
TIME: Any = {
    "type": "function",
    "name": "get_time",
    "parameters": {"type": "object", "properties": {}},
}


@pytest.fixture
def api(start: Start) -> Api:
    return start(accounts=(CODEX,))


def sent(emulator: Upstream) -> Any:
    """The body of the last turn that came to the Codex backend."""
    return emulator.app.log.at("codex")[-1].json


class TestGoingOn:
    def test_a_tool_loop_by_ids_hands_the_sealed_reasoning_back(
        self, api: Api, emulator: Upstream
    ) -> None:
        emulator.push(
            Reply((Think("Clock", ("I need it.",)), Say(("A moment.",)), Call("get_time", ("{}",))))
        )
        emulator.push(Reply((Think("Done", ("I have it.",)), Say(("It is noon.",)))))
        with sdk(api) as client:
            first = client.responses.create(model="gpt-5.5", input="The time?", tools=[TIME])
            call = next(item for item in first.output if item.type == "function_call")
            output: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "12"}
            second = client.responses.create(
                model="gpt-5.5", input=[output], tools=[TIME], previous_response_id=first.id
            )
            third = client.responses.create(
                model="gpt-5.5", input="/emulate say Bye.", previous_response_id=second.id
            )

        assert second.output_text == "It is noon."
        assert third.output_text == "Bye."
        # The emulator opens each seal, or refuses the turn; then it would have been asked again.
        assert emulator.app.log.counts["codex"] == 3
        items = sent(emulator)["input"]
        assert [item["type"] for item in items] == [
            "message", "reasoning", "message", "function_call", "function_call_output",
            "reasoning", "message", "message",
        ]  # fmt: skip
        assert all(item["encrypted_content"] for item in items if item["type"] == "reasoning")
        assert items[1]["summary"][0]["text"].startswith("**Clock**")
        assert items[2]["content"][0]["text"] == "A moment."

    def test_the_web_goes_on_without_it(self, start: Start, emulator: Upstream) -> None:
        web = Account(access_token=Secret(make_access_token(jti="web")))
        api = start(accounts=(web, CODEX))
        emulator.push(Reply((Think("Hm", ("So.",)), Say(("One.",)))))
        with sdk(api) as client:
            first = client.responses.create(model="codex/gpt-5.5", input="Hello?")
            second = client.responses.create(
                model="web/auto", input="/emulate say Two.", previous_response_id=first.id
            )

        assert second.output_text == "Two."
        assert emulator.app.log.counts["conversation"] == 1


class TestWhatOnlyTheBackendUnderstands:
    def test_a_search_and_its_answer_go_back_as_they_came(
        self, api: Api, emulator: Upstream
    ) -> None:
        emulator.push(Reply((Search("q", SOURCES), *message(1, "So.", "final_answer"))))
        with sdk(api) as client:
            first = client.responses.create(model="gpt-5.5", input="Find it.")
            output: Any = [one.model_dump(exclude_none=True) for one in first.output]
            client.responses.create(
                model="gpt-5.5", input=[*output, {"role": "user", "content": "More."}]
            )

        search, said, asked = sent(emulator)["input"]
        assert (search["type"], search["action"]) == (
            "web_search_call",
            {"type": "search", "query": "q"},
        )
        assert (said["phase"], said["content"][0]["text"]) == ("final_answer", "So.")
        assert asked["role"] == "user"

    def test_so_do_they_by_the_id_of_their_response(self, api: Api, emulator: Upstream) -> None:
        call = {"type": "mcp_call", "id": "mcp_1", "name": "n", "arguments": "{}"}
        call |= {"server_label": "s", "output": "It is so."}
        told = (*message(0, "Hm.", "commentary"), item("done", 1, **call), *message(2, "So."))
        emulator.push(Reply(told))
        with sdk(api) as client:
            first = client.responses.create(model="gpt-5.5", input="Find it.")
            client.responses.create(model="gpt-5.5", input="More.", previous_response_id=first.id)

        asked, one, made, two, more = sent(emulator)["input"]
        assert (one["phase"], one["content"][0]["text"]) == ("commentary", "Hm.")
        assert made == call
        assert ("phase" in two, two["content"][0]["text"]) == (False, "So.")
        assert (asked["role"], more["role"]) == ("user", "user")

    @pytest.mark.parametrize("by_id", [True, False], ids=["by its id", "in full"])
    def test_an_answer_goes_back_with_its_sources(
        self, api: Api, emulator: Upstream, by_id: bool
    ) -> None:
        emulator.push(Reply((Search("q", SOURCES), Say(("See ",)), Cite((0,)))))
        question: Any = {"role": "user", "content": "More."}
        with sdk(api) as client:
            first = client.responses.create(model="gpt-5.5", input="Find it.")
            if by_id:
                client.responses.create(
                    model="gpt-5.5", input=[question], previous_response_id=first.id
                )
            else:
                output: Any = [one.model_dump(exclude_none=True) for one in first.output]
                client.responses.create(model="gpt-5.5", input=[*output, question])

        said: Any = next(one for one in first.output if one.type == "message")
        (mark,) = said.content[0].annotations
        # The emulator checks that a mark lies within its text, or refuses the turn.
        again = next(one for one in sent(emulator)["input"] if one.get("role") == "assistant")
        assert again["content"][0]["annotations"] == [mark.model_dump()]

    @pytest.mark.parametrize("by_id", [True, False], ids=["by its id", "in full"])
    def test_a_shell_of_the_clients_goes_by_its_own_type_to_a_model_that_knows_it(
        self, api: Api, emulator: Upstream, by_id: bool
    ) -> None:
        emulator.push(Reply((Call("local_shell", ('{"command": ["ls"]}',)),)))
        emulator.push(Reply((Say(("One file.",)),)))
        tools: Any = [{"type": "local_shell"}]
        with sdk(api) as client:
            # The list of models is asked for, because the name is not in the one built in.
            first = client.responses.create(model="codex-mini-latest", input="Go.", tools=tools)
            assert sent(emulator)["tools"] == [{"type": "local_shell"}]
            call: Any = first.output[0]
            output: Any = {"type": "local_shell_call_output", "output": "a.txt", "id": call.call_id}
            given: Any = [output] if by_id else [call.model_dump(exclude_none=True), output]
            before: Any = {"previous_response_id": first.id} if by_id else {}
            second = client.responses.create(
                model="codex-mini-latest",
                input=given,
                tools=tools,
                **before,
            )

        assert (call.type, call.action.command) == ("local_shell_call", ["ls"])
        assert second.output_text == "One file."
        back = sent(emulator)["input"][-2:]
        assert [one["type"] for one in back] == ["local_shell_call", "function_call_output"]
        assert {one["call_id"] for one in back} == {call.call_id}

    def test_to_any_other_model_it_is_a_function(self, api: Api, emulator: Upstream) -> None:
        emulator.push(Reply((Call("local_shell", ('{"command": ["ls"]}',)),)))
        tools: Any = [{"type": "local_shell"}, {"type": "apply_patch"}]
        with sdk(api) as client:
            first = client.responses.create(model="gpt-5.5", input="Go.", tools=tools)

        assert [one["type"] for one in sent(emulator)["tools"]] == ["function", "function"]
        assert first.output[0].type == "local_shell_call"

    def test_a_search_among_tools_goes_through(self, api: Api, emulator: Upstream) -> None:
        found: dict[str, Any] = {"type": "tool_search_call", "id": "tsc_1", "call_id": "call_1"}
        found |= {"execution": "client", "arguments": {"query": "time"}, "status": "completed"}
        emulator.push(Reply((item("added", 0, **found), item("done", 0, **found))))
        search: dict[str, Any] = {
            "type": "tool_search",
            "execution": "client",
            "description": "Find.",
        }
        search |= {"parameters": {"type": "object", "properties": {}}}
        body: dict[str, Any] = {"model": "gpt-5.5", "input": "The time?", "tools": [search]}
        first = api.post(body, path="/v1/responses").json()
        tools: dict[str, Any] = {
            "type": "tool_search_output",
            "call_id": "call_1",
            "execution": "client",
        }
        tools |= {"tools": [TIME | {"defer_loading": True}], "status": "completed"}
        body |= {"input": [{"role": "user", "content": "The time?"}, *first["output"], tools]}
        second = api.post(body, path="/v1/responses")

        assert second.status_code == 200, second.text
        assert sent(emulator)["tools"] == [search]
        assert sent(emulator)["input"][-2:] == [found, tools]

    def test_a_picture_goes_back_as_the_call_that_made_it(
        self, api: Api, emulator: Upstream
    ) -> None:
        emulator.push(Reply((Image(width=64, height=64),)))
        with sdk(api) as client:
            first = client.responses.create(model="gpt-5.5", input="A moon.", tools=[IMAGE])
            client.responses.create(
                model="gpt-5.5", input="Blue.", tools=[IMAGE], previous_response_id=first.id
            )

        drawn: Any = first.output[0]
        again = sent(emulator)["input"][1]
        assert (again["type"], again["result"]) == ("image_generation_call", drawn.result)
        assert [one["type"] for one in sent(emulator)["input"]] == [
            "message", "image_generation_call", "message",
        ]  # fmt: skip

    def test_the_web_leaves_it_out_and_says_so(self, start: Start, emulator: Upstream) -> None:
        web = Account(access_token=Secret(make_access_token(jti="web")))
        search = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
        body = {
            "model": "web/auto",
            "input": [search, {"role": "user", "content": "/emulate say Yes."}],
        }
        response = start(accounts=(web, CODEX)).post(body, path="/v1/responses")

        assert response.json()["output"][0]["content"][0]["text"] == "Yes."
        assert "web_search_call" in response.headers["x-chat2api-warning"]
        assert "web_search_call" not in str(emulator.app.log.at("conversation")[-1].json)

    def test_of_a_mixed_pool_the_one_that_reads_it_is_asked(
        self, start: Start, emulator: Upstream
    ) -> None:
        web = Account(access_token=Secret(make_access_token(jti="web")))
        search = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
        body = {
            "model": "auto",
            "input": [search, {"role": "user", "content": "Hello?"}],
            "system_hints": ["search"],
        }
        start(accounts=(web, CODEX)).post(body, path="/v1/responses")

        assert emulator.app.log.counts["codex"] == 1
        assert emulator.app.log.counts["conversation"] == 0

    def test_a_namespace_is_declared_with_its_description(
        self, api: Api, emulator: Upstream
    ) -> None:
        space: Any = {"type": "namespace", "name": "clock", "description": "Time.", "tools": [TIME]}
        with sdk(api) as client:
            client.responses.create(model="gpt-5.5", input="Hello?", tools=[space])

        (declared,) = sent(emulator)["tools"]
        assert (declared["name"], declared["description"]) == ("clock", "Time.")


class TestCompaction:
    def test_a_history_is_made_short_and_gone_on_from(self, api: Api, emulator: Upstream) -> None:
        with loose(api) as client:
            short = client.responses.compact(
                model="gpt-5.5",
                instructions="Be brief.",
                input=[
                    {"role": "user", "content": "One?"},
                    {"role": "assistant", "content": "Two."},
                    {"role": "user", "content": "Three?"},
                ],
            )
            asked = sent(emulator)
            rest = dumped(short)
            again = client.responses.create(
                model="gpt-5.5", input=[*rest, {"role": "user", "content": "/emulate say Four."}]
            )

        assert short.object == "response.compaction"
        assert [item.type for item in short.output] == ["message", "message", "compaction"]
        assert all(item.id for item in short.output)
        assert short.usage.total_tokens == short.usage.input_tokens + short.usage.output_tokens
        assert (asked["model"], asked["instructions"]) == ("gpt-5.5", "Be brief.")
        assert set(asked) == {"model", "instructions", "input"}
        assert [item["role"] for item in asked["input"]] == ["user", "assistant", "user"]
        # The emulator opens what it has sealed, or refuses the turn.
        assert again.output_text == "Four."
        assert [item["type"] for item in sent(emulator)["input"]] == [
            "message", "message", "compaction", "message",
        ]  # fmt: skip

    def test_a_kept_response_is_made_short_by_its_id(self, api: Api, emulator: Upstream) -> None:
        emulator.push(Reply((Think("Hm", ("So.",)), Say(("One.",)))))
        with loose(api) as client:
            first = client.responses.create(model="gpt-5.5", input="Hello?")
            short = client.responses.compact(model="gpt-5.5", previous_response_id=first.id)
            last = client.responses.create(
                model="gpt-5.5",
                input=[*dumped(short), {"role": "user", "content": "/emulate say Two."}],
            )
            more = client.responses.create(
                model="gpt-5.5", input="/emulate say Three.", previous_response_id=last.id
            )

        assert (last.output_text, more.output_text) == ("Two.", "Three.")
        assert "compaction" in [item["type"] for item in sent(emulator)["input"]]

    def test_of_several_accounts_the_one_that_made_it_reads_it(
        self, start: Start, emulator: Upstream
    ) -> None:
        owners = [
            make_access_token(user_id=f"user-{n}", account_id=f"account-{n}") for n in range(4)
        ]
        accounts = tuple(Account(access_token=Secret(one), type="codex") for one in owners)
        with loose(start(accounts=accounts)) as client:
            for _ in range(3):
                short = client.responses.compact(model="gpt-5.5", input="Hello?")
                again = client.responses.create(
                    model="gpt-5.5",
                    input=[*dumped(short), {"role": "user", "content": "/emulate say Yes."}],
                )
                assert again.output_text == "Yes."

        assert emulator.app.log.counts["codex"] == 6, "nothing was asked twice"

    def test_the_web_makes_nothing_short(self, start: Start, emulator: Upstream) -> None:
        web = Account(access_token=Secret(make_access_token(jti="web")))
        mixed, alone = start(accounts=(web, CODEX)), start(accounts=(web,))
        for api, model, status, code in (
            (mixed, "web/auto", 400, "unsupported_parameter"),
            (alone, "auto", 503, "no_account"),
        ):
            body = {"model": model, "input": "Hello?"}
            response = api.post(body, path="/v1/responses/compact")
            assert (response.status_code, response.json()["error"]["code"]) == (status, code)
            assert "codex" in response.json()["error"]["message"]
        assert not emulator.app.log.records

    def test_nor_does_it_read_what_was_made_short(self, start: Start, emulator: Upstream) -> None:
        web = Account(access_token=Secret(make_access_token(jti="web")))
        item = {"type": "compaction", "encrypted_content": "gAAA"}
        body = {"model": "web/auto", "input": [item, {"role": "user", "content": "Hello?"}]}
        response = start(accounts=(web, CODEX)).post(body, path="/v1/responses")

        assert response.status_code == 400
        assert response.json()["error"]["param"] == "input"
        assert "compacted history" in response.json()["error"]["message"]
        assert not emulator.app.log.records

    def test_a_token_of_the_caller_is_taken_for_codex(
        self, start: Start, emulator: Upstream
    ) -> None:
        api = start(accounts=(), allow_upstream_tokens=True)
        token = make_access_token(jti="mine")
        body = {"model": "gpt-5.5", "input": "Hello?"}
        path = "/v1/responses/compact"
        response = api.post(body, path=path, authorization=f"Bearer {token}")

        assert response.status_code == 200, response.text
        assert response.json()["output"][-1]["type"] == "compaction"

    def test_a_backend_that_cannot_says_so(self, api: Api, emulator: Upstream) -> None:
        emulator.push(At("codex", Respond(404, '{"detail": "Not Found"}')))
        body = {"model": "gpt-5.5", "input": "Hello?"}
        response = api.post(body, path="/v1/responses/compact")

        assert response.status_code == 404
        assert "does not make histories short" in response.json()["error"]["message"]

    @pytest.mark.parametrize("fault", ["codex 429 soon", "codex 401 expired", "codex 400 context"])
    def test_trouble_is_told_as_it_is(self, api: Api, emulator: Upstream, fault: str) -> None:
        emulator.push(At("codex", Named(fault), times=9))
        body = {"model": "gpt-5.5", "input": "Hello?"}
        response = api.post(body, path="/v1/responses/compact")
        assert response.status_code == int(fault.split()[1])

    def test_reasoning_that_nobody_can_open_is_left_out(self, api: Api, emulator: Upstream) -> None:
        thought = {"type": "reasoning", "summary": [], "encrypted_content": "gAAAforeign"}
        body = {"model": "gpt-5.5", "input": [thought, {"role": "user", "content": "Hello?"}]}
        response = api.post(body, path="/v1/responses/compact")

        assert response.status_code == 200, response.text
        assert [item["type"] for item in sent(emulator)["input"]] == ["message"]


def dumped(short: Any) -> list[Any]:
    return [item.model_dump(exclude_none=True, warnings=False) for item in short.output]


def loose(api: Api) -> OpenAI:
    """The client without strict validation: its own model of a compacted history has no room for
    messages of users, of which there are some in every one."""
    return OpenAI(base_url=f"{api.url}/v1", api_key=KEY, max_retries=0)


SOURCES = (Source("https://a.example/1", "One", "a"), Source("https://b.example/2", "Two", "b"))
_R, _S = "response.", "response.reasoning_summary_"
_ITEM = [f"{_R}output_item.added", f"{_R}output_item.done"]
_PART = [f"{_R}content_part.added", f"{_R}content_part.done"]
IMAGE: Any = {"type": "image_generation", "partial_images": 1}


def frame(kind: str, **fields: Any) -> Frame:
    """An event that no step of the script tells."""
    data = json.dumps({"type": kind, "sequence_number": 90, **fields})
    return Frame(f"event: {kind}\ndata: {data}\n\n")


def item(event: str, place: int, **fields: Any) -> Frame:
    return frame(f"response.output_item.{event}", output_index=place, item=fields)


def message(place: int, text: str, phase: str = "") -> tuple[Frame, ...]:
    """The events of a message with one part."""
    said: dict[str, Any] = {"id": f"msg_{place}", "type": "message", "role": "assistant"}
    said |= {"phase": phase} if phase else {}
    part = {"type": "output_text", "text": text, "annotations": []}
    piece = {"output_index": place, "content_index": 0, "item_id": said["id"], "delta": text}
    return (
        item("added", place, **said, status="in_progress", content=[]),
        frame("response.output_text.delta", **piece),
        item("done", place, **said, status="completed", content=[part]),
    )


MCP: dict[str, Any] = {
    "type": "mcp_call", "id": "mcp_1", "name": "n", "server_label": "s", "arguments": "{}",
}  # fmt: skip
NOVELTY: dict[str, Any] = {"type": "novelty_call", "id": "nov_1", "name": "n"}


# What the backend says, the items that must come out, and events that must be among those of them.
SAYS: dict[str, tuple[tuple[Any, ...], list[str], list[str]]] = {
    "a message": (
        (Say(("Hel", "lo")),),
        ["message"],
        [*_ITEM, *_PART, f"{_R}output_text.delta", f"{_R}output_text.done"],
    ),
    "a message with its sources": (
        (Search("q", SOURCES), Say(("See ",)), Cite((0, 1))),
        ["web_search_call", "message"],
        [
            f"{_R}web_search_call.in_progress",
            f"{_R}web_search_call.searching",
            f"{_R}web_search_call.completed",
            f"{_R}output_text.annotation.added",
        ],
    ),
    "a refusal": (
        (
            item("added", 0, id="msg_1", type="message", role="assistant", content=[]),
            frame("response.refusal.delta", item_id="msg_1", output_index=0, content_index=0,
                  delta="No."),
            item("done", 0, id="msg_1", type="message", role="assistant",
                 content=[{"type": "refusal", "refusal": "No."}]),
        ),
        ["message"],
        [*_PART, f"{_R}refusal.delta", f"{_R}refusal.done"],
    ),
    "a summary of the thinking, in sections": (
        (Think("Plan", ("Hm.",)), Think("Do", ("So.",)), Say(("Yes",))),
        ["reasoning", "message"],
        [f"{_S}part.added", f"{_S}text.delta", f"{_S}text.done", f"{_S}part.done"],
    ),
    "the thinking itself": (
        (
            item("added", 0, id="rs_1", type="reasoning", summary=[]),
            frame("response.reasoning_text.delta", item_id="rs_1", output_index=0,
                  content_index=0, delta="Hm."),
            item("done", 0, id="rs_1", type="reasoning", summary=[], encrypted_content="gAA",
                 content=[{"type": "reasoning_text", "text": "Hm."}]),
        ),
        ["reasoning", "message"],
        [*_PART, f"{_R}reasoning_text.delta", f"{_R}reasoning_text.done"],
    ),
    "words on the way, and the answer": (
        (*message(0, "Hm.", "commentary"), *message(1, "So.", "final_answer")),
        ["message", "message"],
        [f"{_R}output_text.done"],
    ),
    "an item that nobody knows": (
        (
            item("added", 0, **NOVELTY, status="in_progress"),
            frame("response.novelty_call.in_progress", output_index=0, item_id="nov_1"),
            item("done", 0, **NOVELTY, status="completed", deep={"x": [1]}),
            *message(1, "So."),
        ),
        ["novelty_call", "message"],
        [*_ITEM, f"{_R}novelty_call.in_progress"],
    ),
    "a call of a server's tool, and how far it is": (
        (
            item("added", 0, **MCP, status="in_progress"),
            frame("response.mcp_call.in_progress", output_index=0, item_id="mcp_1"),
            frame("response.mcp_call_arguments.done", output_index=0, item_id="mcp_1",
                  arguments="{}"),
            frame("response.mcp_call.completed", output_index=0, item_id="mcp_1"),
            item("done", 0, **MCP, status="completed", output="It is so."),
            *message(1, "So."),
        ),
        ["mcp_call", "message"],
        [*_ITEM, f"{_R}mcp_call.in_progress", f"{_R}mcp_call_arguments.done",
         f"{_R}mcp_call.completed"],
    ),
    "a call": (
        (Call("get_time", ("{", "}")),),
        ["function_call"],
        [f"{_R}function_call_arguments.delta", f"{_R}function_call_arguments.done"],
    ),
    "a call of a custom tool": (
        (Call("patch", ("*** ", "x"), "custom"),),
        ["custom_tool_call"],
        [f"{_R}custom_tool_call_input.delta", f"{_R}custom_tool_call_input.done"],
    ),
    "calls side by side, and of a namespace": (
        (Call("get_time", ("{}",)), Call("get_time", ("{}",), namespace="clock")),
        ["function_call", "function_call"],
        [f"{_R}function_call_arguments.done"],
    ),
    "a picture": (
        (Image(width=64, height=64, previews=1), Say(("There.",))),
        ["image_generation_call", "message"],
        [f"{_R}image_generation_call.{state}"
         for state in ("in_progress", "generating", "partial_image", "completed")],
    ),
    "what nobody knows yet, among the rest": (
        (frame("codex.rate_limits"), frame("response.metadata"), frame("keepalive"),
         frame("response.novelty", delta="?"), Say(("Hi",))),
        ["message"],
        [],
    ),
}  # fmt: skip


def ids_of(events: list[Any]) -> dict[int, str]:
    """The id of the item at each place. Fails where an event calls it by another one."""
    ids: dict[int, str] = {}
    for event in events:
        place = getattr(event, "output_index", None)
        if place is not None:
            said = event.item.id if hasattr(event, "item") else event.item_id
            assert ids.setdefault(place, said) == said, event.type
    return ids


@pytest.mark.parametrize(("steps", "items", "kinds"), SAYS.values(), ids=SAYS)
def test_every_item_and_event_comes_out(
    steps: Any, items: list[str], kinds: list[str], api: Api, emulator: Upstream
) -> None:
    emulator.push(Reply(steps))
    include: Any = ["reasoning.encrypted_content"]
    patch: Any = {"type": "custom", "name": "patch"}
    space: Any = {"type": "namespace", "name": "clock", "description": "Time.", "tools": [TIME]}
    # What nobody knows the client's own models do not know either: then it must not be strict.
    with (loose if "novelty_call" in items else sdk)(api) as client:
        events: list[Any] = list(
            client.responses.create(
                model="gpt-5.5",
                input="Go.",
                tools=[TIME, patch, space, IMAGE],
                include=include,
                stream=True,
            )
        )

    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert events[-1].type == "response.completed"
    output = events[-1].response.output
    assert [one.type for one in output] == items
    assert ids_of(events) == {place: one.id for place, one in enumerate(output)}
    done = [event.item for event in events if event.type == "response.output_item.done"]
    assert sorted(done, key=lambda one: one.id) == sorted(output, key=lambda one: one.id)
    seen = {event.type for event in events}
    assert set(kinds) <= seen, set(kinds) - seen
    sealed = [one.encrypted_content for one in output if one.type == "reasoning"]
    assert all(sealed)


@pytest.mark.parametrize(
    ("step", "last", "why"),
    [
        (Stop("max_tokens"), "response.incomplete", "max_output_tokens"),
        (Stop("content_filter"), "response.incomplete", "content_filter"),
        (Fail("The server failed."), "response.failed", "server_error"),
        (Fail("The server failed.", form="typed"), "response.failed", "server_error"),
    ],
    ids=str,
)
def test_the_end_comes_out_as_it_is(
    step: Any, last: str, why: str, api: Api, emulator: Upstream
) -> None:
    emulator.push(Reply((Say(("Hel",)), step)))
    with sdk(api) as client:
        events: list[Any] = list(client.responses.create(model="gpt-5.5", input="Go.", stream=True))

    assert [event.type for event in events if event.type in ENDS] == [last]
    response = events[-1].response
    told = response.incomplete_details.reason if response.incomplete_details else None
    assert (told or response.error.code) == why
    assert response.output[0].content[0].text == "Hel"


ENDS = {"response.completed", "response.incomplete", "response.failed", "error"}

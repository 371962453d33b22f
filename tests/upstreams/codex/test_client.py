"""The Codex upstream against the emulator, over real sockets."""

import time
from typing import Any

import pytest
from msgspec.structs import replace

from chat2api_core.accounts.account import Account
from chat2api_core.emulator import (
    At,
    Call,
    Cut,
    Fail,
    Frame,
    Interrupt,
    Named,
    Reply,
    Respond,
    Say,
    Stall,
    Think,
    Wire,
    make_access_token,
)
from chat2api_core.problem import Kind, Problem
from chat2api_core.secret import Secret
from chat2api_core.turn import (
    CallDelta,
    CallEnded,
    CallStarted,
    Finished,
    Message,
    Prompt,
    Reasoning,
    ReasoningSealed,
    Started,
    Text,
    TextDelta,
    Tool,
    ToolCall,
    ToolResult,
)
from chat2api_core.upstreams.codex.client import Codex
from tests.upstreams.codex.rig import ACCOUNT, Bench, collect, says

HELLO = Reply((Say(("Hel", "lo")),))
OTHER = Account(
    access_token=Secret(make_access_token(account_id="other", user_id="user-2")), type="codex"
)


def text(deltas: list[Any]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


def problem(bench: Bench, prompt: Prompt) -> Problem:
    with pytest.raises(Problem) as caught:
        bench.answer(prompt)
    return caught.value


def test_an_answer_begins_and_ends_well(bench: Bench) -> None:
    bench.emulator.script.push(HELLO)
    first, *said, last = bench.answer(says("hi", effort="high"))
    assert first == Started("gpt-5.5", effort="high")
    assert said == [TextDelta("Hel"), TextDelta("lo")]
    assert isinstance(last, Finished)
    assert last.reason == "stop"
    assert last.usage is not None
    assert last.usage.exact


@pytest.mark.parametrize("wire", [Wire(chunk=1), Wire(newline="\r\n"), Wire(ragged=True)])
def test_how_the_network_cuts_it_does_not_matter(bench: Bench, wire: Wire) -> None:
    bench.emulator.script.push(replace(HELLO, wire=wire))
    assert text(bench.answer(says("hi"))) == "Hello"


def test_a_tool_loop_goes_round(bench: Bench) -> None:
    tools = (Tool("get_time", parameters={"type": "object", "properties": {}}),)
    deltas = bench.answer(says('/emulate call get_time {"zone": "UTC"}', tools=tools))
    calls = [delta for delta in deltas if isinstance(delta, CallStarted | CallEnded)]
    assert [type(delta) for delta in calls] == [CallStarted, CallEnded]
    call = calls[0]
    assert isinstance(call, CallStarted)
    arguments = "".join(delta.arguments for delta in deltas if isinstance(delta, CallDelta))
    assert arguments == '{"zone": "UTC"}'
    turn = (
        Message("user", (Text("What time is it?"),)),
        Message("assistant", (ToolCall(call.id, call.name, arguments),)),
        Message("tool", (ToolResult(call.id, (Text("12:00"),)),)),
    )
    assert text(bench.answer(Prompt("gpt-5.5", turn, tools))) == "The tool says: 12:00"


def test_a_custom_tool_in_a_namespace_is_called_by_its_own_name(bench: Bench) -> None:
    long = "exec_" + "x" * 80
    tools = (Tool(long, kind="custom", grammar="start: x", syntax="lark", namespace="functions"),)
    bench.emulator.script.push(Reply((Call(long[:64], ("print",), "custom", "functions"),)))
    deltas = bench.answer(says("go", tools=tools))
    (call,) = (delta for delta in deltas if isinstance(delta, CallStarted))
    assert (call.name, call.kind, call.namespace) == (long, "custom", "functions")


def sealed_turn(bench: Bench, account: Account = ACCOUNT) -> tuple[Message, ...]:
    """A turn with reasoning that this account's backend has sealed."""
    bench.emulator.script.push(Reply((Think("Hm", ("so",)), Say(("Yes.",)))))
    deltas = bench.answer(says("Is it?"), account)
    (sealed,) = (delta for delta in deltas if isinstance(delta, ReasoningSealed))
    thought = Reasoning("rs_of_ours", ("Hm",), sealed.encrypted)
    return (
        Message("user", (Text("Is it?"),)),
        Message("assistant", (thought, Text("Yes."))),
        Message("user", (Text("/emulate say Sure."),)),
    )


def test_sealed_reasoning_is_taken_back(bench: Bench) -> None:
    turn = sealed_turn(bench)
    assert text(bench.answer(Prompt("gpt-5.5", turn))) == "Sure."
    assert bench.emulator.log.counts["codex"] == 2
    assert bench.asked()["input"][1]["type"] == "reasoning"


def test_reasoning_that_another_account_sealed_is_left_out_the_second_time(bench: Bench) -> None:
    turn = sealed_turn(bench, OTHER)
    assert text(bench.answer(Prompt("gpt-5.5", turn))) == "Sure."
    assert bench.emulator.log.counts["codex"] == 3
    assert [item["type"] for item in bench.asked()["input"]] == ["message"] * 3


def test_reasoning_that_is_refused_inside_of_the_stream_is_left_out_as_well(bench: Bench) -> None:
    turn = sealed_turn(bench)
    bench.emulator.script.push(Reply((Fail("No.", "invalid_encrypted_content"),)))
    assert text(bench.answer(Prompt("gpt-5.5", turn))) == "Sure."


def test_reasoning_is_left_out_once_only(bench: Bench) -> None:
    turn = sealed_turn(bench)
    refused = Reply((Fail("No.", "invalid_encrypted_content"),))
    bench.emulator.script.push(refused, refused)
    assert problem(bench, Prompt("gpt-5.5", turn)).step == "stream"
    assert bench.emulator.log.counts["codex"] == 3


def test_after_the_first_words_nothing_is_asked_again(bench: Bench) -> None:
    turn = sealed_turn(bench)
    late = Reply((Say(("Half",)), Fail("No.", "invalid_encrypted_content")))
    bench.emulator.script.push(late)
    assert problem(bench, Prompt("gpt-5.5", turn)).step == "stream"
    assert bench.emulator.log.counts["codex"] == 2


def test_a_refusal_of_reasoning_that_was_not_sent_is_a_refusal(bench: Bench) -> None:
    bench.emulator.script.push(At("codex", Named("codex 400 sealed")))
    assert problem(bench, says("hi")).kind is Kind.INVALID_REQUEST
    assert bench.emulator.log.counts["codex"] == 1


@pytest.mark.parametrize(
    ("name", "kind", "wait"),
    [
        ("codex 429 soon", Kind.RATE_LIMITED, 900.0),
        ("codex 429 rate", Kind.RATE_LIMITED, 11.5),
        ("codex 429 plan", Kind.FORBIDDEN, None),
        ("codex 400 capacity", Kind.UNAVAILABLE, None),
        ("codex 400 context", Kind.CONTEXT_LENGTH, None),
        ("codex 401 expired", Kind.UNAUTHORIZED, None),
        ("codex 503 overloaded", Kind.UNAVAILABLE, None),
        ("403 page", Kind.CHALLENGED, None),
        ("garbage page", Kind.GARBAGE, None),
    ],
)
def test_a_refusal_is_its_problem(bench: Bench, name: str, kind: Kind, wait: float | None) -> None:
    bench.emulator.script.push(At("codex", Named(name)))
    refused = problem(bench, says("hi"))
    assert (refused.kind, refused.retry_after) == (kind, wait)
    assert refused.step == "conversation"


def test_the_quota_is_told_with_answers_and_with_refusals(bench: Bench) -> None:
    bench.emulator.script.push(HELLO, At("codex", Named("codex 429 soon")))
    assert problem(bench, says("hi")).kind is Kind.RATE_LIMITED
    bench.answer(says("hi"))
    (full_key, full), (key, quota) = bench.quotas
    assert key == full_key == ACCOUNT.key
    assert full.primary is not None
    assert full.primary.used == 100.0
    assert quota.plan == "plus"
    assert quota.secondary is not None
    assert quota.secondary.minutes == 10080


def test_the_quota_is_told_by_an_event_too(bench: Bench) -> None:
    limits = '{"rate_limits":{"primary":{"used_percent":77,"window_minutes":300}}}'
    frame = Frame(f"event: codex.rate_limits\ndata: {limits}\n\n")
    bench.emulator.script.push(Reply((frame, Say(("Hi",)))))
    bench.answer(says("hi"))
    _, quota = bench.quotas[-1]
    assert quota.primary is not None
    assert quota.primary.used == 77.0


@pytest.mark.parametrize("clean", [True, False])
def test_a_body_that_ends_too_early_is_cut(bench: Bench, clean: bool) -> None:
    bench.emulator.script.push(Reply((Say(("Half ",)), Cut(clean=clean), Say(("and half",)))))
    heard: list[Any] = []

    async def listen(codex: Codex) -> None:
        answer = await codex.open(says("hi"), ACCOUNT)
        try:
            async for batch in answer:
                heard.extend(batch)
        finally:
            await answer.aclose()

    with pytest.raises(Problem) as caught:
        bench.run(listen)
    assert caught.value.kind is Kind.CUT
    assert text(heard) == "Half ", "what came before it was handed out"


def test_words_that_come_with_a_failure_come_first(bench: Bench) -> None:
    bench.emulator.script.push(Reply((Say(("Half",)), Fail("Oh.", "server_error", "typed"))))
    heard: list[Any] = []

    async def listen(codex: Codex) -> None:
        answer = await codex.open(says("hi"), ACCOUNT)
        async for batch in answer:
            heard.extend(batch)

    with pytest.raises(Problem) as caught:
        bench.run(listen)
    assert caught.value.kind is Kind.UPSTREAM_ERROR
    assert text(heard) == "Half"


def test_leaving_closes_the_upstream(bench: Bench) -> None:
    bench.emulator.script.push(Reply((Say(("Half",)), Stall())))

    async def leave(codex: Codex) -> None:
        answer = await codex.open(says("hi"), ACCOUNT)
        await anext(aiter(answer))
        await answer.aclose()

    bench.run(leave)
    deadline = time.monotonic() + 5
    while bench.emulator.log.open_streams and time.monotonic() < deadline:
        time.sleep(0.005)
    assert bench.emulator.log.open_streams == 0
    assert bench.emulator.log.closed_streams == 1


def test_connections_are_kept_between_turns(bench: Bench) -> None:
    bench.emulator.script.push(HELLO, HELLO)

    async def twice(codex: Codex) -> str:
        return text(await collect(codex, says("a"))) + text(await collect(codex, says("b")))

    assert bench.run(twice) == "HelloHello"


def test_a_body_that_does_not_end_after_its_answer_is_left(bench: Bench) -> None:
    end = '{"type":"response.completed","response":{}}'
    frame = Frame(f"event: response.completed\ndata: {end}\n\n")
    bench.emulator.script.push(Reply((Say(("Hi",)), frame, Stall())))
    assert text(bench.answer(says("hi"))) == "Hi"


def test_interrupted_bytes_do_not_hang_up(bench: Bench) -> None:
    bench.emulator.script.push(HELLO, At("stream", Interrupt("end", after=3)))
    assert problem(bench, says("hi")).kind is Kind.CUT


# --------------------------------------------------------------------------------- the models


async def models(codex: Codex) -> tuple[str, ...]:
    return tuple(model.id for model in await codex.models(ACCOUNT))


def test_the_models_are_the_accounts(bench: Bench) -> None:
    assert bench.run(models) == (
        "auto",
        "gpt-5.6-sol",
        "gpt-5.6-luna",
        "gpt-5.5",
        "gpt-5.4-mini",
        "gpt-5.3-codex",
    )


def test_the_list_is_kept_and_asked_for_by_its_etag(bench: Bench) -> None:
    bench.settings = replace(bench.settings, models_ttl=0.0)

    async def twice(codex: Codex) -> bool:
        return await models(codex) == await models(codex)

    assert bench.run(twice)
    assert [record.status for record in bench.emulator.log.at("codex_models")] == [200, 304]


def test_a_fresh_list_is_not_asked_for_again(bench: Bench) -> None:
    async def twice(codex: Codex) -> bool:
        return await models(codex) == await models(codex)

    assert bench.run(twice)
    assert bench.emulator.log.counts["codex_models"] == 1


@pytest.mark.parametrize("fault", [Named("500"), Named("garbage json"), Respond(200, "{}")])
def test_a_list_that_cannot_be_read_is_replaced_by_the_built_in_one(
    bench: Bench, fault: Named | Respond
) -> None:
    bench.emulator.script.push(At("codex_models", fault))
    assert "gpt-5.5" in bench.run(models)


def test_a_refused_account_is_news(bench: Bench) -> None:
    bench.emulator.script.push(At("codex_models", Named("401 expired")))
    with pytest.raises(Problem) as caught:
        bench.run(models)
    assert caught.value.kind is Kind.UNAUTHORIZED
    assert caught.value.step == "models"


@pytest.mark.parametrize(
    ("model", "fields", "effort", "lists"),
    [
        ("gpt-5.5-high", {}, "high", 0),
        ("gpt-5.6-sol", {"effort": "ultra"}, "ultra", 1),
        ("gpt-5.5-max", {}, "xhigh", 1),
        ("gpt-5.4-mini", {"effort": "minimal"}, "minimal", 1),
        ("codex-auto-review", {}, "medium", 1),
    ],
)
def test_an_unusual_wish_is_worth_a_look_at_the_list(
    bench: Bench, model: str, fields: Any, effort: str, lists: int
) -> None:
    bench.emulator.script.push(HELLO)
    started = bench.answer(says("hi", model=model, **fields))[0]
    assert isinstance(started, Started)
    assert started.effort == effort
    assert bench.emulator.log.counts["codex_models"] == lists


def test_a_model_that_the_account_does_not_have_is_not_found(bench: Bench) -> None:
    assert problem(bench, says("hi", model="gpt-4")).kind is Kind.MODEL_NOT_FOUND


def test_a_workspace_is_entered_by_its_id(bench: Bench) -> None:
    bench.emulator.script.push(HELLO)
    bench.answer(says("hi"), replace(ACCOUNT, account_id="team-1"))
    assert bench.emulator.log.at("codex")[-1].owner.endswith("in team-1")

"""Tools and formats over an upstream that takes only text."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from chat2api_core.accounts.account import Account
from chat2api_core.problem import Kind, Problem
from chat2api_core.taught import Taught
from chat2api_core.toolcalls.grammar import new_marker
from chat2api_core.transcript import Transcript
from chat2api_core.turn import (
    Delta,
    Finished,
    Format,
    Message,
    Prompt,
    ReasoningDelta,
    Started,
    Text,
    TextDelta,
    Thread,
    Tool,
    ToolCall,
    ToolChoice,
)
from chat2api_core.upstreams.base import Batch
from tests.fakes import FakeClock, FakeIds, FakeUpstream, WordMeter

MARKER = new_marker(FakeIds())
ACCOUNT = Account()
WEATHER = Tool(
    "get_weather",
    "The weather of a city",
    {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
)
ASK = Prompt("auto", (Message("user", (Text("Weather in Rome?"),)),), tools=(WEATHER,))
MOON = Format(
    "json_schema",
    "moon",
    {
        "type": "object",
        "properties": {"name": {"type": "string"}},
        "required": ["name"],
        "additionalProperties": False,
    },
    strict=True,
)
FORMED = Prompt("auto", ASK.messages, format=MOON)


def call(arguments: str, name: str = "get_weather") -> str:
    return f'<call_{MARKER} name="{name}">{arguments}</call_{MARKER}>'


def answer(*pieces: str, reason: Any = "stop") -> list[Batch | Problem]:
    """A script of the model: started, thinking, these pieces, and the end."""
    texts: list[Batch | Problem] = [[TextDelta(piece)] for piece in pieces]
    begun: list[Batch | Problem] = [[Started("m", "conv-1")], [ReasoningDelta("Hm.")]]
    return [*begun, *texts, [Finished(reason, "conv-1", "msg-1")]]


class Desk:
    """The upstream under test over a scripted model."""

    def __init__(
        self, *scripts: Sequence[Batch | Problem] | Problem, retries: int = 1, seconds: float = 60
    ) -> None:
        self.model = FakeUpstream(*scripts)
        self.clock = FakeClock()
        self.upstream = Taught(
            self.model,
            retries=retries,
            seconds=seconds,
            meter=WordMeter(),
            clock=self.clock,
            ids=FakeIds(),
        )
        self.seen: list[Delta] = []

    def ask(self, prompt: Prompt = ASK) -> Transcript:
        """The whole answer; what was seen of it stands in ``seen`` also when it fails."""

        async def collect() -> None:
            reply = await self.upstream.open(prompt, ACCOUNT)
            try:
                async for batch in reply:
                    self.seen.extend(batch)
            finally:
                await reply.aclose()

        asyncio.run(collect())
        transcript = Transcript()
        for delta in self.seen:
            transcript.feed(delta)
        return transcript


def test_a_prompt_without_tools_goes_through_untouched() -> None:
    desk = Desk(answer("Hello"))
    plain = Prompt("auto", ASK.messages)
    desk.ask(plain)

    assert desk.model.prompts == [plain]


def test_tools_are_said_in_words_and_calls_read_out_of_the_text() -> None:
    desk = Desk(answer("Let me look.", call('{"city": "Rome"}')))
    transcript = desk.ask()

    (taught,) = desk.model.prompts
    assert taught.tools == ()
    assert "get_weather" in taught.messages[0].text
    assert transcript.text.strip() == "Let me look."
    (made,) = transcript.calls
    assert (made.name, json.loads(made.arguments)) == ("get_weather", {"city": "Rome"})
    assert transcript.finished is not None
    assert transcript.finished.reason == "tool_calls"


def test_past_calls_are_said_in_words_even_where_no_tools_are_left() -> None:
    history = (*ASK.messages, Message("assistant", (ToolCall("call_1", "get_weather", "{}"),)))
    desk = Desk(answer("Sunny."))
    desk.ask(Prompt("auto", history))

    said = desk.model.prompts[0].messages[-1]
    assert all(isinstance(part, Text) for part in said.parts)


class TestRepair:
    def test_a_wrong_call_is_asked_for_again_unseen(self) -> None:
        desk = Desk(answer(call('{"town": "Rome"}')), answer(call('{"city": "Rome"}')))
        transcript = desk.ask()

        (made,) = transcript.calls
        assert json.loads(made.arguments) == {"city": "Rome"}
        assert sum(isinstance(delta, Started) for delta in desk.seen) == 1
        assert transcript.reasoning == ("Hm.",), "the client knows of one answer only"
        assert all(reply.closed for reply in desk.model.answers)

    def test_it_is_asked_in_the_same_conversation_with_the_precise_error(self) -> None:
        desk = Desk(answer(call('{"town": "Rome"}')), answer(call('{"city": "Rome"}')))
        desk.ask()

        again = desk.model.prompts[1]
        assert again.thread == Thread("conv-1", "msg-1")
        assert "town" in again.messages[-1].text
        assert again.messages[-2].role == "assistant"

    def test_with_the_whole_history_where_the_conversation_is_not_kept(self) -> None:
        lost = Problem(Kind.CONVERSATION_NOT_FOUND, "Gone.")
        desk = Desk(answer(call("{}")), lost, answer(call('{"city": "Rome"}')))

        assert len(desk.ask().calls) == 1
        assert desk.model.prompts[2].thread is None

    def test_sampling_is_kept_and_every_round_is_counted(self) -> None:
        desk = Desk(answer("Well.", call("{}")), answer(call('{"city": "Rome"}')))
        finished = desk.ask().finished

        assert finished is not None
        assert finished.usage is not None
        rounds = [len(prompt.messages[0].text.split()) for prompt in desk.model.prompts]
        assert finished.usage.input_tokens == sum(rounds)

    def test_it_is_bounded(self) -> None:
        desk = Desk(answer(call("{}")), answer(call("{}")), retries=1)

        with pytest.raises(Problem) as raised:
            desk.ask()
        assert raised.value.kind is Kind.GARBAGE
        assert "city" in raised.value.message
        assert len(desk.model.prompts) == 2

    def test_not_after_its_time(self) -> None:
        desk = Desk(answer(call("{}")), seconds=0)

        with pytest.raises(Problem):
            desk.ask()
        assert len(desk.model.prompts) == 1

    def test_a_required_call_that_is_missing_is_asked_for(self) -> None:
        required = Prompt(
            "auto", ASK.messages, tools=(WEATHER,), tool_choice=ToolChoice("required")
        )
        desk = Desk(answer("Sunny, I guess."), answer(call('{"city": "Rome"}')))

        assert len(desk.ask(required).calls) == 1

    def test_a_cut_call_goes_on_from_the_cut(self) -> None:
        whole = call('{"city": "Rome"}')
        cut = whole.index("Ro") + 2
        desk = Desk(answer(whole[:cut], reason="length"), answer(whole[cut:]))
        (made,) = desk.ask().calls

        assert json.loads(made.arguments) == {"city": "Rome"}

    def test_a_failure_while_asking_again_is_told(self) -> None:
        down = Problem(Kind.UPSTREAM_ERROR, "Broken.")
        desk = Desk(answer("Let me look. ", call("{}")), down)

        with pytest.raises(Problem) as raised:
            desk.ask()
        assert raised.value is down
        said = "".join(delta.text for delta in desk.seen if isinstance(delta, TextDelta))
        assert said.strip() == "Let me look."


class TestFormats:
    def test_json_is_taken_out_of_prose_and_fences(self) -> None:
        desk = Desk(answer("Sure!\n```json\n", '{"name": "Io"}', "\n```\nEnjoy."))

        assert json.loads(desk.ask(FORMED).text) == {"name": "Io"}
        assert desk.model.prompts[0].format == Format()

    def test_wrong_json_is_asked_for_again(self) -> None:
        desk = Desk(answer('{"title": "Io"}'), answer('{"name": "Io"}'))

        assert json.loads(desk.ask(FORMED).text) == {"name": "Io"}

    def test_json_that_stays_wrong_is_an_error_that_says_why(self) -> None:
        desk = Desk(answer('{"title": "Io"}'), answer('{"title": "Io"}'))

        with pytest.raises(Problem) as raised:
            desk.ask(FORMED)
        assert raised.value.kind is Kind.GARBAGE

    def test_a_refusal_is_a_refusal(self) -> None:
        desk = Desk(answer("I'm sorry, but I can't help with that."))
        transcript = desk.ask(FORMED)

        assert transcript.text == ""
        assert transcript.refusal.startswith("I'm sorry")

    def test_a_call_comes_before_the_form(self) -> None:
        both = Prompt("auto", ASK.messages, tools=(WEATHER,), format=MOON)
        desk = Desk(answer(call('{"city": "Rome"}')))

        assert len(desk.ask(both).calls) == 1

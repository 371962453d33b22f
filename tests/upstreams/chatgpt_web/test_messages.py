"""A prompt's history as messages to upload."""

import pytest

from chat2api_core.problem import Kind, Problem
from chat2api_core.turn import (
    File,
    Image,
    Message,
    Prompt,
    Reasoning,
    Role,
    Text,
    Thread,
    ToolCall,
    ToolResult,
)
from chat2api_core.upstreams.chatgpt_web.messages import Said, to_send

THREAD = Thread("conv-1", "m-1")


def say(role: Role, text: str) -> Message:
    return Message(role, (Text(text),))


def spoken(prompt: Prompt) -> list[tuple[str, str]]:
    """Who says what; nothing is attached to it."""
    said = to_send(prompt)
    assert not [one for one in said if one.media]
    return [(one.author, one.text) for one in said]


SYSTEM = say("system", "Be brief.")
DEVELOPER = say("developer", "Be kind.")
HI = say("user", "Hi")
HELLO = say("assistant", "Hello!")
WHY = say("user", "Why?")
CALL = Message("assistant", (Text("Let me see."), ToolCall("c1", "weather", '{"city":"Oslo"}')))
RESULT = Message("tool", (ToolResult("c1", (Text("4 "), Text("degrees"))),))
ORPHAN = Message("tool", (ToolResult("c9", (Text("?"),)),))


@pytest.mark.parametrize(
    ("situation", "messages", "said"),
    [
        ("one question", (HI,), [("user", "Hi")]),
        ("a history", (HI, HELLO, WHY),
         [("user", "Hi"), ("assistant", "Hello!"), ("user", "Why?")]),
        (
            "instructions anywhere become one leading message",
            (SYSTEM, HI, HELLO, DEVELOPER, WHY),
            [
                ("system", "Be brief.\n\nBe kind."),
                ("user", "Hi"),
                ("assistant", "Hello!"),
                ("user", "Why?"),
            ],
        ),
        ("instructions alone are put as a question", (SYSTEM,), [("user", "Be brief.")]),
        (
            "instructions behind an answer are put as a question",
            (DEVELOPER, HI, HELLO, SYSTEM),
            [("system", "Be kind."), ("user", "Hi"), ("assistant", "Hello!"),
             ("user", "Be brief.")],
        ),
        (
            "instructions behind a question go with it",
            (HI, HELLO, WHY, SYSTEM),
            [("system", "Be brief."), ("user", "Hi"), ("assistant", "Hello!"), ("user", "Why?")],
        ),
        ("empty instructions are none", (say("system", ""), HI), [("user", "Hi")]),
        ("several texts are one", (Message("user", (Text("a"), Text("b"))),), [("user", "ab")]),
        ("an empty question is one", (say("user", ""),), [("user", "")]),
        ("an empty answer is none", (HI, say("assistant", ""), WHY),
         [("user", "Hi"), ("user", "Why?")]),
        (
            "old reasoning is not uploaded",
            (HI, Message("assistant", (Reasoning(summary=("hm",)), Text("Hello!"))), WHY),
            [("user", "Hi"), ("assistant", "Hello!"), ("user", "Why?")],
        ),
        (
            "calls and results are readable",
            (HI, CALL, RESULT),
            [
                ("user", "Hi"),
                (
                    "assistant",
                    'Let me see.\n\n[Called the tool weather, call c1, with]\n{"city":"Oslo"}',
                ),
                ("tool", "[Result of the tool weather, call c1]\n4 degrees"),
            ],
        ),
        ("a result without its call", (ORPHAN,), [("tool", "[Result of call c9]\n?")]),
    ],
)  # fmt: skip
def test_a_new_conversation_gets_everything(
    situation: str, messages: tuple[Message, ...], said: list[tuple[str, str]]
) -> None:
    assert spoken(Prompt("auto", messages)) == said, situation


@pytest.mark.parametrize(
    ("situation", "messages", "said"),
    [
        ("the whole history again", (SYSTEM, HI, HELLO, WHY), [("user", "Why?")]),
        ("two new questions", (HI, HELLO, WHY, HI), [("user", "Why?"), ("user", "Hi")]),
        ("only what is new", (WHY,), [("user", "Why?")]),
        ("old instructions, only what is new", (SYSTEM, WHY), [("user", "Why?")]),
        ("new instructions", (HI, HELLO, SYSTEM, WHY), [("system", "Be brief."), ("user", "Why?")]),
        ("a result", (HI, CALL, RESULT),
         [("tool", "[Result of the tool weather, call c1]\n4 degrees")]),
        ("instructions as the question", (HI, HELLO, SYSTEM), [("user", "Be brief.")]),
    ],
)  # fmt: skip
def test_a_kept_conversation_gets_what_is_new(
    situation: str, messages: tuple[Message, ...], said: list[tuple[str, str]]
) -> None:
    assert spoken(Prompt("auto", messages, thread=THREAD)) == said, situation


@pytest.mark.parametrize(
    "prompt",
    [
        Prompt("auto", ()),
        Prompt("auto", (say("assistant", ""),)),
        Prompt("auto", (say("system", ""),)),
        Prompt("auto", (HI, HELLO), thread=THREAD),
        Prompt("auto", (SYSTEM,), thread=THREAD),
    ],
)
def test_without_anything_to_answer_the_request_is_wrong(prompt: Prompt) -> None:
    with pytest.raises(Problem) as caught:
        to_send(prompt)
    assert caught.value.kind is Kind.INVALID_REQUEST
    assert caught.value.param == "messages"


CAT = Image("data:image/png;base64,AAAA")
NOTES = File("a.txt", "data:text/plain;base64,YQ==")


@pytest.mark.parametrize(
    ("situation", "messages", "said"),
    [
        (
            "a user's are attached, and part the texts around them",
            (Message("user", (Text("See:"), CAT, Text("and"), NOTES, Text("!"))),),
            [Said("user", "See:\n\nand\n\n!", (CAT, NOTES))],
        ),
        ("they can be all there is", (Message("user", (CAT,)),), [Said("user", "", (CAT,))]),
        (
            "those of a result follow it in a message of the user's",
            (HI, CALL, Message("tool", (ToolResult("c1", (Text("this"), CAT)),))),
            [
                Said("user", "Hi"),
                Said("assistant", "Let me see.\n\n[Called the tool weather, call c1, with]\n"
                     '{"city":"Oslo"}'),
                Said("tool", "[Result of the tool weather, call c1]\nthis"),
                Said("user", "", (CAT,)),
            ],
        ),
        (
            "those of the assistant follow it as well",
            (HI, Message("assistant", (Text("Here."), CAT)), WHY),
            [Said("user", "Hi"), Said("assistant", "Here."), Said("user", "", (CAT,)),
             Said("user", "Why?")],
        ),
        (
            "those of instructions are not lost",
            (Message("system", (Text("Like this:"), CAT)), HI),
            [Said("system", "Like this:"), Said("user", "", (CAT,)), Said("user", "Hi")],
        ),
    ],
)  # fmt: skip
def test_pictures_and_files_are_attached(
    situation: str, messages: tuple[Message, ...], said: list[Said]
) -> None:
    assert to_send(Prompt("auto", messages)) == said, situation


def test_an_old_picture_of_a_kept_conversation_disturbs_nobody() -> None:
    old = Message("user", (Image("https://a.example/b.png"),))
    assert spoken(Prompt("auto", (old, HELLO, WHY), thread=THREAD)) == [("user", "Why?")]

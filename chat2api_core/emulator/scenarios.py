"""The built-in model: a friendly echo, and a scenario for every situation worth seeing.

Input: a turn. Output: a reply or a refusal. A user message whose last line begins with ``/emulate``
chooses a scenario; ``/emulate`` alone lists them. The rule: pure, and the same text always gives
the same reply. A new scenario is one line in ``SCENARIOS``.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from chat2api_core.emulator.asked import Turn
from chat2api_core.emulator.faults import NAMED, Named, Respond
from chat2api_core.emulator.replies import (
    AnyStep,
    Aside,
    Call,
    Canvas,
    Cite,
    Code,
    Cut,
    Fail,
    Frame,
    Handoff,
    Hidden,
    Image,
    Moderated,
    OldThought,
    Ping,
    Quote,
    Reply,
    Say,
    Search,
    Source,
    Stall,
    Stop,
    Task,
    Think,
    ToolError,
    Wait,
    Wire,
    Written,
)

COMMAND = "/emulate"
MAX_TOKENS = 100_000
_SIZE = re.compile(r"\b(\d{2,4})x(\d{2,4})\b")
_SOURCES = (
    Source("https://moons.example/titan", "Titan", "A big moon."),
    Source("https://moons.example/europa", "Europa", "An icy moon."),
)

Made: TypeAlias = Reply | Named | Respond


class Scenario(Struct, frozen=True):
    """One line of the list: what it shows, and how the rest of the command becomes a reply."""

    shows: str
    make: Callable[[str], Made]


def answer(turn: Turn) -> Made:
    """What the built-in model says to this turn."""
    if turn.messages and turn.messages[-1].role == "tool":
        return _say(f"The tool says: {turn.messages[-1].text}")
    text = turn.last_user_text
    lines = text.strip().splitlines()
    if turn.heading.action == "continue":
        return _say("There is nothing more to say.")
    if turn.messages and turn.messages[-1].role == "assistant":
        return _say(turn.messages[-1].text)  # something to be read aloud
    if text.startswith(COMMAND):
        return command(text[len(COMMAND) :])
    if lines and lines[-1].startswith(COMMAND):
        return command(lines[-1][len(COMMAND) :])
    return draw(text) if "picture_v2" in turn.heading.system_hints else _greet(text)


def _greet(text: str) -> Reply:
    return _say(
        "Hello! I am the emulator that is built into chat2api, not a model. You said: "
        f"\u201c{text}\u201d Send {COMMAND} to see what I can show."
    )


def draw(text: str) -> Reply:
    """A picture of what the text says, as large as it says (``1536x1024``)."""
    title = " ".join(text.split()[:6])
    size = _SIZE.search(text)
    if size is None:
        return Reply((Image(title=title, prompt=text),))
    return Reply((Image(title=title, prompt=text, width=int(size[1]), height=int(size[2])),))


def command(rest: str) -> Made:
    """The reply to ``/emulate`` with this rest of the line."""
    name, _, argument = rest.strip().partition(" ")
    scenario = SCENARIOS.get(name)
    if scenario is not None:
        return scenario.make(argument)
    lines = [f"{COMMAND} {each}: {one.shows}" for each, one in SCENARIOS.items()]
    head = f"I know no scenario named {name!r}. " if name else ""
    return _say(f"{head}Send one of these lines:\n\n" + "\n".join(lines))


def words(text: str) -> tuple[str, ...]:
    """The text cut before each word: put together again it is the same text."""
    return tuple(re.findall(r"\s*\S+|\s+$", text))


def _say(text: str) -> Reply:
    return Reply((Say(words(text)),))


def _fixed(*steps: AnyStep) -> Callable[[str], Made]:
    return lambda _: Reply(steps)


def _tokens(argument: str) -> Made:
    try:
        count = int(argument or "20")
    except ValueError:
        return _say("How many tokens? Say a number.")
    if not 1 <= count <= MAX_TOKENS:
        return _say(f"I can do 1 to {MAX_TOKENS} tokens.")
    return Reply((Say(("Tok",) + (" en",) * (count - 1)),))


def _error(argument: str) -> Made:
    name, _, retry_after = argument.partition(" after ")
    if name not in NAMED:
        return _say("Which error? I know: " + ", ".join(NAMED))
    return Named(name, retry_after)


def _garbage(argument: str) -> Made:
    name = f"garbage {argument or 'json'}"
    return _error(name)


def _wired(wire: Wire, _argument: str) -> Made:
    return replace(_say("One two three, and \u00fcml\u00e4uts \U0001f600, too."), wire=wire)


def _chunks(argument: str) -> Made:
    size = int(argument) if argument.isdigit() else 1
    return _wired(Wire(chunk=max(size, 1)), "")


def _call(argument: str) -> Made:
    name, _, arguments = argument.partition(" ")
    if not name:
        return _say("Which tool? Say its name and its arguments.")
    return Reply((Call(name, words(arguments or "{}")),))


def _slow(argument: str) -> Made:
    try:
        delay = float(argument or "0.2")
    except ValueError:
        return _say("How slow? Say seconds per word.")
    return replace(_say("I take my time for every word."), delay=min(max(delay, 0.0), 60.0))


def _model(argument: str) -> Made:
    return replace(_say("Another model answered you."), model=argument or "gpt-5-6-t-mini")


_THINKING = (
    Think("Planning", ("First I compute, ", "then I search.")),
    Think("Checking", ("That looks ", "right."), recap=7),
)
_SEARCHING: tuple[AnyStep, ...] = (
    Search("moons", _SOURCES),
    Say(("Titan ", "is the largest ")),
    Cite((0,)),
    Say((", Europa ", "has an ocean ")),
    Cite((0, 1), cut=True),
    Say((".",)),
)
_OLD_SEARCHING: tuple[AnyStep, ...] = (
    Search("moons", _SOURCES),
    Say(("Titan is big",)),
    Cite((0,), "old"),
    Say((" and Europa icy",)),
    Cite((1,), "old", cut=True),
    Say((".",)),
)
_CODE = Code(("print(6*", "7)"), "42\n")
_FILES = (
    Code(
        ("plot(moons)",),
        "done\n",
        "file-service://file-plot0001",
        (Written("/mnt/data/moons.csv", "moon,km\nTitan,5150\nEuropa,3122\n"),),
    ),
    Say(("Here is ", "[the table](sandbox:/mnt", "/data/moons.csv)", ".")),
)
_CANVAS = Canvas("moons", "# Moons\n\nTitan and Europa.")
_IMAGE = Image("sediment://file_0000abcd", "A moon")
_DECLINED = ("I can't make ", "that picture: ", "it would go against our content policy.")
_NO_MORE = (
    "You've hit the Plus plan limit for image generation requests. ",
    "You can create more images when the limit resets in 3 hours and 12 minutes.",
)
_HALF = Say(("This answer ", "stops "))

SCENARIOS: dict[str, Scenario] = {
    "say": Scenario("the text that follows, word by word", _say),
    "patches": Scenario(
        "words that come as patches", _fixed(Say(("One ", "two ", "three."), patched=True))
    ),
    "tokens": Scenario("so many tokens, 20 if you say no number", _tokens),
    "thinking": Scenario(
        "thinking in two sections, then an answer",
        _fixed(*_THINKING, Say(("The answer ", "is 42."))),
    ),
    "analysis": Scenario(
        "thinking in the analysis channel",
        _fixed(Aside(("Let me ", "think."), "analysis"), Say(("Done.",))),
    ),
    "commentary": Scenario(
        "notes on progress before the answer",
        _fixed(Aside(("Looking ", "it up."), preamble=True), Say(("Found it.",))),
    ),
    "o1": Scenario(
        "thinking as the first reasoning models showed it",
        _fixed(OldThought(("Adding ", "numbers.")), Say(("It is 42.",))),
    ),
    "code": Scenario("a run of the code interpreter", _fixed(_CODE, Say(("It prints 42.",)))),
    "files": Scenario("a plot, and a file that code wrote, with a link to it", _fixed(*_FILES)),
    "search": Scenario("a web search with citations", _fixed(*_SEARCHING)),
    "old-search": Scenario("citations in their old form", _fixed(*_OLD_SEARCHING)),
    "quote": Scenario(
        "a page quoted by the old browser", _fixed(Quote(_SOURCES[0], "Big."), Say(("Read it.",)))
    ),
    "canvas": Scenario("a canvas document", _fixed(_CANVAS, Say(("See beside.",)))),
    "image": Scenario("a picture", _fixed(_IMAGE)),
    "image-growing": Scenario(
        "a picture after three previews", _fixed(Image(title="A moon", previews=3))
    ),
    "image-later": Scenario(
        "a picture that only the conversation shows, the second time it is asked for",
        _fixed(Image(title="A moon", polls=2)),
    ),
    "image-refused": Scenario("a picture that is not made", _fixed(Say(_DECLINED))),
    "image-limit": Scenario("the words that no more pictures are made", _fixed(Say(_NO_MORE))),
    "tool-error": Scenario("a tool that fails", _fixed(ToolError("No luck."), Say(("Sorry.",)))),
    "hidden": Scenario(
        "messages that must not be shown",
        _fixed(
            Hidden("SECRET one"),
            Hidden("SECRET two", "tool"),
            Hidden("SECRET three", "user", "user_editable_context"),
            Hidden("SECRET four", "assistant", "model_editable_context"),
            Say(("Nothing ", "to see.")),
        ),
    ),
    "rich": Scenario(
        "thinking, code, search, canvas and a picture in one answer",
        _fixed(*_THINKING, _CODE, *_SEARCHING, _CANVAS, _IMAGE),
    ),
    "long": Scenario(
        "an answer that stops at the length limit twice and can be continued",
        _fixed(_HALF, Stop("max_tokens"), _HALF, Stop("max_tokens"), Say(("and ", "ends."))),
    ),
    "refuse": Scenario("a polite refusal", _fixed(Say(("I cannot ", "help with that.")))),
    "filtered": Scenario(
        "an answer ended by the content filter", _fixed(_HALF, Stop("content_filter"))
    ),
    "moderated": Scenario(
        "an answer that moderation takes back", _fixed(Say(("Something ", "bad.")), Moderated())
    ),
    "error": Scenario("a refusal by its name, such as: error 429 cap", _error),
    "garbage": Scenario("nonsense with status 200, such as: garbage page", _garbage),
    "fail": Scenario("an error before any text", _fixed(Fail())),
    "fail-late": Scenario("an error after some text", _fixed(_HALF, Fail())),
    "nonsense": Scenario(
        "an event that is not JSON", _fixed(_HALF, Frame("event: delta\ndata: {oops\n\n"))
    ),
    "cut": Scenario("a connection that breaks", _fixed(_HALF, Cut(), Say(("and goes on.",)))),
    "end": Scenario("a body without its end marker", _fixed(_HALF, Cut(clean=True))),
    "stall": Scenario("silence in the middle", _fixed(_HALF, Stall())),
    "pause": Scenario("a silence of two seconds", _fixed(_HALF, Wait(2.0), Say(("and goes on.",)))),
    "pings": Scenario(
        "keep-alive comments", _fixed(Ping(), Say(("Still ",)), Ping(), Say(("here.",)))
    ),
    "handoff": Scenario(
        "a stream that goes on elsewhere", _fixed(Handoff(), Say(("Here ", "I am again.")))
    ),
    "handoff-socket": Scenario(
        "a stream that goes on over a websocket only",
        _fixed(Handoff(("subscribe_ws_topic",)), Say(("Here ", "I am ", "again."))),
    ),
    "task": Scenario(
        "research that goes on after its stream",
        _fixed(
            Say(("I will look it up.",)),
            Task(("Reading. ", "Comparing.")),
            Say(("The report ", "is short.")),
        ),
    ),
    "call": Scenario("a call of your tool, such as: call get_time {} (Codex only)", _call),
    "slow": Scenario("seconds per word, 0.2 if you say no number", _slow),
    "model": Scenario("an answer by another model than asked for", _model),
    "chunks": Scenario("network chunks of so many bytes, 1 if you say no number", _chunks),
    "crlf": Scenario("lines that end in CR LF", partial(_wired, Wire(newline="\r\n"))),
    "cr": Scenario("lines that end in CR", partial(_wired, Wire(newline="\r"))),
    "glued": Scenario("JSON objects stuck together", partial(_wired, Wire(glued=True))),
    "ragged": Scenario("no blank line at the end", partial(_wired, Wire(ragged=True))),
}

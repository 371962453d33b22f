"""The built-in model: a friendly echo, and a scenario for every situation worth seeing.

Input: a turn. Output: a reply or a refusal. A user message whose last line begins with ``/emulate``
chooses a scenario; ``/emulate`` alone lists them. The rule: pure, and the same text always gives
the same reply. A new scenario is one line in ``SCENARIOS``.
"""

from collections.abc import Callable
from functools import partial

from msgspec import Struct

from chat2api_core.emulator.asked import Turn
from chat2api_core.emulator.commands import (
    Made,
    call,
    chunks,
    draw,
    error,
    fixed,
    garbage,
    model,
    say,
    slow,
    tokens,
    wired,
)
from chat2api_core.emulator.replies import (
    AnyStep,
    Aside,
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
_SOURCES = (
    Source("https://moons.example/titan", "Titan", "A big moon."),
    Source("https://moons.example/europa", "Europa", "An icy moon."),
)


class Scenario(Struct, frozen=True):
    """One line of the list: what it shows, and how the rest of the command becomes a reply."""

    shows: str
    make: Callable[[str], Made]


def answer(turn: Turn) -> Made:
    """What the built-in model says to this turn."""
    if turn.messages and turn.messages[-1].role == "tool":
        return say(f"The tool says: {turn.messages[-1].text}")
    text = turn.last_user_text
    lines = text.strip().splitlines()
    if turn.heading.action == "continue":
        return say("There is nothing more to say.")
    if turn.messages and turn.messages[-1].role == "assistant":
        return say(turn.messages[-1].text)  # something to be read aloud
    if text.startswith(COMMAND):
        return command(text[len(COMMAND) :])
    if lines and lines[-1].startswith(COMMAND):
        return command(lines[-1][len(COMMAND) :])
    return draw(text) if "picture_v2" in turn.heading.system_hints else _greet(text)


def _greet(text: str) -> Reply:
    return say(
        "Hello! I am the emulator that is built into chat2api, not a model. You said: "
        f"\u201c{text}\u201d Send {COMMAND} to see what I can show."
    )


def command(rest: str) -> Made:
    """The reply to ``/emulate`` with this rest of the line."""
    name, _, argument = rest.strip().partition(" ")
    scenario = SCENARIOS.get(name)
    if scenario is not None:
        return scenario.make(argument)
    lines = [f"{COMMAND} {each}: {one.shows}" for each, one in SCENARIOS.items()]
    head = f"I know no scenario named {name!r}. " if name else ""
    return say(f"{head}Send one of these lines:\n\n" + "\n".join(lines))


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
    "say": Scenario("the text that follows, word by word", say),
    "patches": Scenario(
        "words that come as patches", fixed(Say(("One ", "two ", "three."), patched=True))
    ),
    "tokens": Scenario("so many tokens, 20 if you say no number", tokens),
    "thinking": Scenario(
        "thinking in two sections, then an answer",
        fixed(*_THINKING, Say(("The answer ", "is 42."))),
    ),
    "analysis": Scenario(
        "thinking in the analysis channel",
        fixed(Aside(("Let me ", "think."), "analysis"), Say(("Done.",))),
    ),
    "commentary": Scenario(
        "notes on progress before the answer",
        fixed(Aside(("Looking ", "it up."), preamble=True), Say(("Found it.",))),
    ),
    "o1": Scenario(
        "thinking as the first reasoning models showed it",
        fixed(OldThought(("Adding ", "numbers.")), Say(("It is 42.",))),
    ),
    "code": Scenario("a run of the code interpreter", fixed(_CODE, Say(("It prints 42.",)))),
    "files": Scenario("a plot, and a file that code wrote, with a link to it", fixed(*_FILES)),
    "search": Scenario("a web search with citations", fixed(*_SEARCHING)),
    "old-search": Scenario("citations in their old form", fixed(*_OLD_SEARCHING)),
    "quote": Scenario(
        "a page quoted by the old browser", fixed(Quote(_SOURCES[0], "Big."), Say(("Read it.",)))
    ),
    "canvas": Scenario("a canvas document", fixed(_CANVAS, Say(("See beside.",)))),
    "image": Scenario("a picture", fixed(_IMAGE)),
    "image-growing": Scenario(
        "a picture after three previews", fixed(Image(title="A moon", previews=3))
    ),
    "image-later": Scenario(
        "a picture that only the conversation shows, the second time it is asked for",
        fixed(Image(title="A moon", polls=2)),
    ),
    "image-refused": Scenario("a picture that is not made", fixed(Say(_DECLINED))),
    "image-limit": Scenario("the words that no more pictures are made", fixed(Say(_NO_MORE))),
    "tool-error": Scenario("a tool that fails", fixed(ToolError("No luck."), Say(("Sorry.",)))),
    "hidden": Scenario(
        "messages that must not be shown",
        fixed(
            Hidden("SECRET one"),
            Hidden("SECRET two", "tool"),
            Hidden("SECRET three", "user", "user_editable_context"),
            Hidden("SECRET four", "assistant", "model_editable_context"),
            Say(("Nothing ", "to see.")),
        ),
    ),
    "rich": Scenario(
        "thinking, code, search, canvas and a picture in one answer",
        fixed(*_THINKING, _CODE, *_SEARCHING, _CANVAS, _IMAGE),
    ),
    "long": Scenario(
        "an answer that stops at the length limit twice and can be continued",
        fixed(_HALF, Stop("max_tokens"), _HALF, Stop("max_tokens"), Say(("and ", "ends."))),
    ),
    "refuse": Scenario("a polite refusal", fixed(Say(("I cannot ", "help with that.")))),
    "filtered": Scenario(
        "an answer ended by the content filter", fixed(_HALF, Stop("content_filter"))
    ),
    "moderated": Scenario(
        "an answer that moderation takes back", fixed(Say(("Something ", "bad.")), Moderated())
    ),
    "error": Scenario("a refusal by its name, such as: error 429 cap", error),
    "garbage": Scenario("nonsense with status 200, such as: garbage page", garbage),
    "fail": Scenario("an error before any text", fixed(Fail())),
    "fail-late": Scenario("an error after some text", fixed(_HALF, Fail())),
    "nonsense": Scenario(
        "an event that is not JSON", fixed(_HALF, Frame("event: delta\ndata: {oops\n\n"))
    ),
    "cut": Scenario("a connection that breaks", fixed(_HALF, Cut(), Say(("and goes on.",)))),
    "end": Scenario("a body without its end marker", fixed(_HALF, Cut(clean=True))),
    "stall": Scenario("silence in the middle", fixed(_HALF, Stall())),
    "pause": Scenario("a silence of two seconds", fixed(_HALF, Wait(2.0), Say(("and goes on.",)))),
    "pings": Scenario(
        "keep-alive comments", fixed(Ping(), Say(("Still ",)), Ping(), Say(("here.",)))
    ),
    "handoff": Scenario(
        "a stream that goes on elsewhere", fixed(Handoff(), Say(("Here ", "I am again.")))
    ),
    "handoff-socket": Scenario(
        "a stream that goes on over a websocket only",
        fixed(Handoff(("subscribe_ws_topic",)), Say(("Here ", "I am ", "again."))),
    ),
    "task": Scenario(
        "research that goes on after its stream",
        fixed(
            Say(("I will look it up.",)),
            Task(("Reading. ", "Comparing.")),
            Say(("The report ", "is short.")),
        ),
    ),
    "call": Scenario("a call of your tool, such as: call get_time {} (Codex only)", call),
    "slow": Scenario("seconds per word, 0.2 if you say no number", slow),
    "model": Scenario("an answer by another model than asked for", model),
    "chunks": Scenario("network chunks of so many bytes, 1 if you say no number", chunks),
    "crlf": Scenario("lines that end in CR LF", partial(wired, Wire(newline="\r\n"))),
    "cr": Scenario("lines that end in CR", partial(wired, Wire(newline="\r"))),
    "glued": Scenario("JSON objects stuck together", partial(wired, Wire(glued=True))),
    "ragged": Scenario("no blank line at the end", partial(wired, Wire(ragged=True))),
}

"""What follows the name of a scenario, made into a reply.

In: the rest of a command's line. Out: a reply or a refusal; words on what to say where it cannot be
read. The rule: pure, and bounded whatever is asked for.
"""

import re
from collections.abc import Callable
from typing import TypeAlias

from msgspec.structs import replace

from chat2api_core.emulator.faults import NAMED, Named, Respond
from chat2api_core.emulator.replies import AnyStep, Call, Image, Reply, Say, Wire

MAX_TOKENS = 100_000
_SIZE = re.compile(r"\b(\d{2,4})x(\d{2,4})\b")

Made: TypeAlias = Reply | Named | Respond


def draw(text: str) -> Reply:
    """A picture of what the text says, as large as it says (``1536x1024``)."""
    title = " ".join(text.split()[:6])
    size = _SIZE.search(text)
    if size is None:
        return Reply((Image(title=title, prompt=text),))
    return Reply((Image(title=title, prompt=text, width=int(size[1]), height=int(size[2])),))


def words(text: str) -> tuple[str, ...]:
    """The text cut before each word: put together again it is the same text."""
    return tuple(re.findall(r"\s*\S+|\s+$", text))


def say(text: str) -> Reply:
    """The text as a reply, word by word."""
    return Reply((Say(words(text)),))


def fixed(*steps: AnyStep) -> Callable[[str], Made]:
    """These steps, whatever the argument says."""
    return lambda _: Reply(steps)


def tokens(argument: str) -> Made:
    """So many tokens."""
    try:
        count = int(argument or "20")
    except ValueError:
        return say("How many tokens? Say a number.")
    if not 1 <= count <= MAX_TOKENS:
        return say(f"I can do 1 to {MAX_TOKENS} tokens.")
    return Reply((Say(("Tok",) + (" en",) * (count - 1)),))


def error(argument: str) -> Made:
    """A refusal by its name, perhaps with the time to wait: ``429 cap after 30``."""
    name, _, retry_after = argument.partition(" after ")
    if name not in NAMED:
        return say("Which error? I know: " + ", ".join(NAMED))
    return Named(name, retry_after)


def garbage(argument: str) -> Made:
    """Nonsense by its name."""
    name = f"garbage {argument or 'json'}"
    return error(name)


def wired(wire: Wire, _argument: str) -> Made:
    """A text that is written in this way."""
    return replace(say("One two three, and \u00fcml\u00e4uts \U0001f600, too."), wire=wire)


def chunks(argument: str) -> Made:
    """A text in chunks of so many bytes."""
    size = int(argument) if argument.isdigit() else 1
    return wired(Wire(chunk=max(size, 1)), "")


def call(argument: str) -> Made:
    """A call of the tool that is named, with the arguments that follow."""
    name, _, arguments = argument.partition(" ")
    if not name:
        return say("Which tool? Say its name and its arguments.")
    return Reply((Call(name, words(arguments or "{}")),))


def slow(argument: str) -> Made:
    """A text with so many seconds before each word."""
    try:
        delay = float(argument or "0.2")
    except ValueError:
        return say("How slow? Say seconds per word.")
    return replace(say("I take my time for every word."), delay=min(max(delay, 0.0), 60.0))


def model(argument: str) -> Made:
    """A text that the named model says."""
    return replace(say("Another model answered you."), model=argument or "gpt-5-6-t-mini")

"""Answers in a form: ``response_format`` over an upstream that knows text only.

In: a ``Prompt`` with a format, then the deltas of the answer. Out: a prompt that asks for the form
in words, then deltas whose text is canonical JSON of that form and nothing else: prose and fences
around it are left out. JSON goes out as it arrives wherever its schema can be checked on the way
(see ``checked``), at its end where it cannot.

The one rule: under ``strict``, what goes out is a prefix of a valid answer, and ``Finished`` only
follows a whole one.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, TypeAlias

from msgspec.structs import replace

from chat2api_core.problem import Kind, Problem
from chat2api_core.toolcalls.arguments import Arguments
from chat2api_core.toolcalls.canonical import encode
from chat2api_core.toolcalls.faults import REWRITE, Fault, problem
from chat2api_core.toolcalls.fit import Fit, read_json
from chat2api_core.toolcalls.outline import Outline
from chat2api_core.toolcalls.schema import Schema
from chat2api_core.toolcalls.schema_reader import read
from chat2api_core.turn import (
    CallStarted,
    Delta,
    Finished,
    Format,
    Message,
    Prompt,
    RefusalDelta,
    Text,
    TextDelta,
)

# Characters of a schema that is shown as JSON; a longer one is shown as a type.
_SHOWN_AS_JSON = 8_000
FORMAT_BUDGET = 48_000
MAX_ANSWER = 8_000_000
_BEGINS = re.compile(r"[{\[](?=\s*[\"'\w\u201c\\{}\[\]\-])")
_FENCED = re.compile(r"```[^\n`]*\n(.*?)```", re.DOTALL)
# Places in a text that are tried as the beginning of the JSON.
_MAX_TRIES = 50
_REFUSALS = re.compile(
    r"\W*(?:(?:I['\u2019]m|I am|we['\u2019]re)\s+(?:\w+\s+)?(?:sorry|unable|not able)|sorry\b|"
    r"(?:unfortunately,?\s+)?I\s+(?:can['\u2019]?t|cannot|can not|won['\u2019]t|will not|"
    r"must decline)|"
    r"I\s+(?:\w+\s+)?apologi[sz]e|as an AI\b)",
    re.IGNORECASE,
)
_MAX_REFUSAL = 4_000
_State: TypeAlias = Literal["seek", "json", "whole", "behind"]

_OBJECT = Format("json_object", schema={"type": "object"})
_WORDS = """\
# Form of the answer

Answer with one JSON value and nothing else: no words around it, no code fence.{form}"""


def teach_format(prompt: Prompt) -> Prompt:
    """The prompt with its format said in words, as a text-only upstream needs it. Raises
    ``Problem`` INVALID_REQUEST (param ``response_format``) for a schema beyond every bound."""
    if prompt.format.kind == "text":
        return prompt
    lesson = _WORDS.format(form=_form(prompt.format))
    messages = prompt.messages
    for at, message in enumerate(messages):
        if message.role in ("system", "developer"):
            parts = (*message.parts, Text(f"\n\n{lesson}"))
            messages = (*messages[:at], replace(message, parts=parts), *messages[at + 1 :])
            break
    else:
        messages = (Message("system", (Text(lesson),)), *messages)
    return replace(prompt, messages=messages, format=Format())


def _form(form: Format) -> str:
    if form.kind == "json_object" or form.schema is None:
        return " It has to be a JSON object."
    schema = _read(form)
    shown = encode(form.schema)
    if len(shown) <= _SHOWN_AS_JSON:
        return f" It has to be valid by this JSON Schema:\n{shown}"
    for length in (2_000, 200, 0):
        outline = Outline(schema, length).render()
        if len(outline) <= FORMAT_BUDGET:
            return f" It has to be of this type:\n{outline}"
    message = f"The schema takes more than {FORMAT_BUDGET} characters without any description."
    raise Problem(Kind.INVALID_REQUEST, message, param="response_format")


def _read(form: Format) -> Schema:
    try:
        return read(form.schema if form.kind == "json_schema" else _OBJECT.schema)
    except Problem as trouble:
        raise Problem(trouble.kind, trouble.message, param="response_format") from trouble


def is_refusal(text: str) -> bool:
    """Whether an answer without JSON declines to answer."""
    return len(text) <= _MAX_REFUSAL and bool(_REFUSALS.match(text))


class FormatStage:
    """A ``Stage[Delta, Delta]``, behind the one for calls. ``faults``, ``said``, ``resume`` and
    ``give_up`` are as in ``ToolCallParser``. ``refuse`` makes the delta that hands a refusal out,
    and ``refusal`` is its text."""

    def __init__(self, form: Format, refuse: Callable[[str], Delta] = RefusalDelta) -> None:
        self.faults: list[Fault] = []
        self.refusal = ""
        self._strict = form.strict or form.kind == "json_object"
        self._refuse = refuse
        self._schema = _read(form)
        self._json = Arguments(self._schema)
        self._state: _State = self._first_state()
        self._buffer = ""
        self._said: list[str] = []
        self._length = 0
        self._exempt = False
        self._withheld: Finished | None = None

    @property
    def said(self) -> Message:
        """The last answer as the model wrote it."""
        return Message("assistant", (Text("".join(self._said)),))

    def feed(self, delta: Delta) -> Sequence[Delta]:
        """The next delta of the answer."""
        if isinstance(delta, TextDelta):
            return self._feed_text(delta.text)
        if isinstance(delta, Finished):
            return self._finish(delta)
        self._exempt = self._exempt or isinstance(delta, CallStarted | RefusalDelta)
        return (delta,)

    def close(self) -> Iterable[Delta]:
        """Nothing is left to say: ``Finished`` has flushed everything."""
        return ()

    def resume(self) -> None:
        """The answer to ``repair_message(faults, …)`` follows."""
        cut = any(fault.kind == "cut" for fault in self.faults)
        sent = self._json.sent
        if sent or (cut and self._state == "json"):
            self._json.resume(cut)
            self._state = "json" if cut or len(sent) > REWRITE else "seek"
        elif not cut:
            self._json = Arguments(self._schema)
            self._state = self._first_state()
        self._buffer = self._buffer if cut else ""
        self._said = []
        self.faults = []
        self._withheld = None

    def give_up(self) -> Sequence[Delta]:
        """The end of an answer whose faults stay: cut off, or not strict and JSON at least; else
        ``Problem`` GARBAGE, never an answer that is silently wrong."""
        finished = self._withheld
        if finished is None:
            raise Problem(Kind.INTERNAL, "An answer without faults was given up.")
        if all(fault.kind == "cut" for fault in self.faults):
            return (finished,)
        value = read_json(self._json.raw or _json_part("".join(self._said)))
        text, sent = encode(value), self._json.sent
        if self._strict or isinstance(value, str) or not text.startswith(sent):
            raise problem(self.faults)
        return (TextDelta(text[len(sent) :]), finished)

    def _first_state(self) -> _State:
        root = self._schema.resolve(self._schema.root)
        return "seek" if root.types and root.types <= {"object", "array"} else "whole"

    def _feed_text(self, text: str) -> Sequence[Delta]:
        self._said.append(text)
        self._length += len(text)
        if self._length > MAX_ANSWER:
            raise Problem(Kind.GARBAGE, "The answer is too long.", step="stream")
        if self._state == "seek":
            return self._seek(text)
        return self._read(text) if self._state == "json" else ()

    def _seek(self, text: str) -> Sequence[Delta]:
        self._buffer += text
        begin = _BEGINS.search(self._buffer)
        if begin is None:
            return ()
        text, self._buffer = self._buffer[begin.start() :], ""
        self._state = "json"
        return self._read(text)

    def _read(self, text: str) -> Sequence[Delta]:
        out = self._json.feed(text)
        if self._json.done:
            self._state = "behind"
        elif self._json.trouble:
            self._state = "behind" if self._json.sent else "whole"
        return (TextDelta(out),) if out else ()

    def _finish(self, finished: Finished) -> Sequence[Delta]:
        out: list[Delta] = []
        if self._json.done or self._exempt or finished.reason == "content_filter":
            return (finished,)
        if finished.reason == "length":
            self.faults.append(self._fault("cut", "The answer was cut off in the middle."))
        else:
            out += self._end()
        if self.faults:
            self._withheld = finished
            return out
        return (*out, finished)

    def _end(self) -> Sequence[Delta]:
        if self._state == "json":
            out = self._json.close()
            if self._json.done:
                return (TextDelta(out),)
        if not self._json.sent:
            whole = "".join(self._said)
            valid = self._extract(whole)
            if valid:
                return (TextDelta(valid),)
            if not _BEGINS.search(whole) and is_refusal(whole):
                self.refusal = whole.strip()
                return (self._refuse(self.refusal),)
        why = self._json.trouble or "There is no JSON in the answer."
        self.faults.append(self._fault("format", why))
        return ()

    def _fault(self, kind: Literal["cut", "format"], why: str) -> Fault:
        return Fault(kind, why, sent=self._json.sent)

    def _extract(self, text: str) -> str:
        """The first valid value in a text, the last fence first; "" if there is none."""
        places = [match[1] for match in _FENCED.finditer(text)][::-1]
        places += [text[match.start() :] for match in _BEGINS.finditer(text)][:_MAX_TRIES]
        fit = Fit(self._schema)
        for place in (*places, text.strip()):
            reading = Arguments(self._schema)
            out = reading.feed(place)
            out += reading.close() if _BEGINS.match(place) else ""
            if reading.done:
                return out
            value = fit.at(read_json(place), self._schema.root)
            if not self._schema.check(value):
                return encode(value)
        return ""


def _json_part(text: str) -> str:
    begin = _BEGINS.search(text)
    return text[begin.start() :] if begin else text

"""The fields of a form that asks to write down a recording, or to translate it. Pure.

In: the fields' values by name, several where a name was sent several times. Out: ``Hearing``. The
rule: whatever cannot be obeyed is a ``Problem`` with ``param`` before the recording is sent
anywhere; the table of parameters says what that is.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

from msgspec import Struct

from chat2api_core.dialects.audio.parameters import REFUSED, Route
from chat2api_core.dialects.base import invalid, unsupported

Form: TypeAlias = Literal["json", "text", "verbose_json"]
Fields: TypeAlias = Mapping[str, Sequence[str]]

_FORMS: tuple[Form, ...] = ("json", "text", "verbose_json")
_WHY_NOT = {
    "srt": "ChatGPT's transcription knows no timestamps, so there are no subtitles",
    "vtt": "ChatGPT's transcription knows no timestamps, so there are no subtitles",
    "diarized_json": "ChatGPT's transcription does not tell speakers apart",
}
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*")
_TRUE, _FALSE = frozenset({"true", "1"}), frozenset({"false", "0", ""})
_LONGEST_MODEL = 256
_HOTTEST = 1.0


class Hearing(Struct, frozen=True):
    """What to do with a recording. ``language`` is a code, empty where nothing was said of it."""

    model: str
    form: Form = "json"
    language: str = ""
    prompt: str = ""
    stream: bool = False


def read_hearing(route: Route, fields: Fields) -> Hearing:
    """Read a form. Raises ``Problem``: INVALID_REQUEST or UNSUPPORTED_PARAMETER, with ``param``."""
    for parameter in REFUSED[route]:
        if any(fields.get(parameter.name, ())):
            raise parameter.refusal()
    temperature = _one(fields, "temperature")
    if temperature and not _in_range(temperature):
        raise invalid("must be a number from 0 to 1", "temperature")
    form = _form(_one(fields, "response_format"))
    stream = route == "transcriptions" and _flag(_one(fields, "stream"))
    if stream and form == "verbose_json":
        raise invalid("cannot be verbose_json together with stream", "response_format")
    return Hearing(
        model=_model(_one(fields, "model")),
        form=form,
        language=_language(_one(fields, "language")) if route == "transcriptions" else "",
        prompt=_one(fields, "prompt"),
        stream=stream,
    )


def _one(fields: Fields, name: str) -> str:
    values = fields.get(name, ())
    if len(values) > 1:
        raise invalid("may be sent once", name)
    return values[0].strip() if values else ""


def _model(name: str) -> str:
    if len(name) > _LONGEST_MODEL:
        raise invalid(f"is longer than {_LONGEST_MODEL} characters", "model")
    return name or "whisper-1"


def _form(name: str) -> Form:
    if name in _WHY_NOT:
        why = f"{_WHY_NOT[name]} (take json, text or verbose_json)"
        raise unsupported(why, "response_format")
    for form in _FORMS:
        if name in (form, ""):
            return form
    raise invalid("must be json, text or verbose_json", "response_format")


def _language(code: str) -> str:
    if code and not _LANGUAGE.fullmatch(code):
        raise invalid("must be an ISO 639 code such as en", "language")
    return code


def _flag(value: str) -> bool:
    if value.lower() not in _TRUE | _FALSE:
        raise invalid("must be true or false", "stream")
    return value.lower() in _TRUE


def _in_range(number: str) -> bool:
    try:
        return 0 <= float(number) <= _HOTTEST
    except ValueError:
        return False

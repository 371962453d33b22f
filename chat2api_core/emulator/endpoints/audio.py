"""Sound: recordings written down, and messages of conversations read aloud.

The emulator has no ears and no voice. What it reads aloud holds the text within sounds that are
none, and such a recording it can write down again; of any other it says how long it is in bytes.
The rules: a recording comes as a form with the fields that are known, of a kind that is taken; only
a message of the assistant, in a kept conversation of the caller's own, is read aloud.
"""

import io
import re

from chat2api_core.emulator.encodings import Beat
from chat2api_core.emulator.exchange import (
    Answer,
    Call,
    Json,
    Refused,
    invalid,
    missing,
    ok,
    refusal,
)
from chat2api_core.emulator.player import Playback
from chat2api_core.emulator.threads import not_found
from chat2api_core.emulator.world import Visit, World

VOICES = (
    "cove", "fathom", "vale", "ember", "breeze", "orbit", "maple", "glimmer", "juniper",
    "arbor", "sol", "spruce",
)  # fmt: skip
SOUNDS = {"mp3": "audio/mpeg", "opus": "audio/ogg", "aac": "audio/aac"}
MAX_RECORDING = 25 * 1024 * 1024

_TAKEN = frozenset({"audio", "video"})  # a recording may be the sound of a film
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
_HEADS = {
    "mp3": b"ID3\x04\x00\x00\x00\x00\x00\x00",
    "opus": b"OggS\x00\x02",
    "aac": b"\xff\xf1P\x80",
}
_OPENING, _CLOSING = b"\x00emulated speech\x00", b"\x00end of speech\x00"
_SILENCE = bytes(range(256)) * 8  # what is between the head and the text: no text at all
_PIECE = 1024


def transcribe(world: World, visit: Visit) -> Answer:  # noqa: ARG001 (the form of a handler)
    """``POST transcribe``: the words of a recording."""
    fields, recording, kind = _form(visit.call)
    unknown = fields.keys() - {"language"}
    if unknown:
        raise invalid((min(unknown),), "extra fields not permitted", "value_error.extra")
    language = fields.get("language")
    if language is not None and not _LANGUAGE.fullmatch(language):
        raise Refused(refusal(400, f"Unsupported language: {language[:20]}"))
    if kind.partition("/")[0] not in _TAKEN:
        raise Refused(refusal(415, f"Unsupported media type: {kind[:60]}"))
    if len(recording) > MAX_RECORDING:
        raise Refused(refusal(413, "Audio file is too large."))
    if not recording:
        raise Refused(refusal(400, "Audio file is empty."))
    return ok({"text": hear(recording)})


def synthesize(world: World, visit: Visit) -> Playback:
    """``GET synthesize``: a message read aloud, told piece by piece."""
    query = visit.call.query
    for name in ("message_id", "conversation_id"):
        if not query.get(name):
            raise missing(name)
    voice, sound = query.get("voice", "cove"), query.get("format", "aac")
    if voice not in VOICES:
        raise invalid(("voice",), "value is not a valid enumeration member")
    if sound not in SOUNDS:
        raise invalid(("format",), "value is not a valid enumeration member")
    thread = world.threads.get(query["conversation_id"], visit.caller.owner)
    if thread.temporary:
        raise not_found(thread.id)
    node = thread.nodes.get(query["message_id"])
    message = node.message if node is not None else None
    if message is None or _part(message, "author").get("role") != "assistant":
        raise Refused(refusal(404, {"message": "No such message.", "code": "message_not_found"}))
    audio = speak(_text(message), voice, sound)
    pieces = range(0, len(audio), _PIECE)
    beats: list[Beat] = [audio[at : at + _PIECE] for at in pieces]
    delay = world.options.delay
    return Playback(beats, delay, _PIECE, content_type=SOUNDS[sound])


def speak(text: str, voice: str, sound: str) -> bytes:
    """What reading aloud sounds like."""
    said = f"{voice}\0{text}".encode()
    return _HEADS[sound] + _SILENCE + _OPENING + said + _CLOSING + _SILENCE


def hear(recording: bytes) -> str:
    """The words of a recording."""
    _, opened, rest = recording.partition(_OPENING)
    said, closed, _ = rest.partition(_CLOSING)
    if opened and closed:
        return said.decode().partition("\0")[2]
    return f"A recording of {len(recording)} bytes."


def _form(call: Call) -> tuple[dict[str, str], bytes, str]:
    """The fields of a form, its one file, and what kind that says it is."""
    # Imported late: nobody else of the emulator needs it.
    from python_multipart import parse_form  # noqa: PLC0415 (see above)
    from python_multipart.exceptions import FormParserError  # noqa: PLC0415
    from python_multipart.multipart import Field, File  # noqa: PLC0415

    if not call.header("content-type").startswith("multipart/form-data"):
        raise invalid(("file",), "field required", "value_error.missing")
    fields: dict[str, str] = {}
    files: list[tuple[bytes, str]] = []

    def on_field(field: Field) -> None:
        fields[(field.field_name or b"").decode()] = (field.value or b"").decode()

    def on_file(file: File) -> None:
        if file.field_name != b"file" or not file.file_name:
            raise invalid(("file",), "not a file")
        file.file_object.seek(0)
        files.append((file.file_object.read(), file.content_type or ""))
        file.close()

    headers = {"Content-Type": call.header("content-type").encode("latin-1")}
    try:
        parse_form(headers, io.BytesIO(call.body), on_field, on_file)
    except (FormParserError, UnicodeDecodeError) as error:
        raise Refused(refusal(400, "There was an error parsing the body")) from error
    if len(files) != 1:
        raise missing("file")
    return fields, *files[0]


def _text(message: Json) -> str:
    parts = _part(message, "content").get("parts")
    return (
        "".join(part for part in parts if isinstance(part, str)) if isinstance(parts, list) else ""
    )


def _part(message: Json, name: str) -> Json:
    value = message[name]
    assert isinstance(value, dict)
    return value

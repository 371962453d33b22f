"""Sound: the official client, the gateway, and what ChatGPT is asked."""

import base64
import json
import struct
from pathlib import Path
from typing import Any

import httpx
import pytest

from chat2api_core.accounts.account import Account
from chat2api_core.ambient import SystemClock, SystemIds
from chat2api_core.config import Settings
from chat2api_core.emulator import (
    DEMO_ACCESS_TOKEN,
    At,
    Interrupt,
    Named,
    Reply,
    Respond,
    Say,
    Stop,
    make_access_token,
)
from chat2api_core.emulator.endpoints.audio import speak as emulated
from chat2api_core.secret import Secret
from chat2api_core.server import application, serving
from chat2api_core.web.respond import BUFFERED_KEY
from chat2api_core.wiring import Gateway
from tests.e2e.conftest import KEY, Api, Start, Upstream
from tests.e2e.official import sdk

TEXT = "The moons of Saturn: Titan, Rhea, and Iapetus with its ü."
SOUND = emulated(TEXT, "cove", "mp3")


def wav(seconds: float, rate: int = 8000) -> bytes:
    """A silent WAV file."""
    data = bytes(int(seconds * rate) * 2)
    form = struct.pack("<HHIIHH", 1, 1, rate, rate * 2, 2, 16)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data"
    body += struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def asked(emulator: Upstream, place: str) -> list[Any]:
    return [record for record in emulator.app.log.records if record.place == place]


# -------------------------------------------------------------------------------- transcriptions


def test_a_recording_is_written_down(api: Api, emulator: Upstream) -> None:
    with sdk(api) as client:
        heard = client.audio.transcriptions.create(
            model="whisper-1", file=("talk.mp3", SOUND), language="en"
        )

    assert heard.text == TEXT
    assert len(asked(emulator, "transcribe")) == 1


def test_text_is_plain_text(api: Api) -> None:
    with sdk(api) as client:
        heard = client.audio.transcriptions.create(
            model="whisper-1", file=("talk.mp3", SOUND), response_format="text"
        )
        raw = client.audio.transcriptions.with_raw_response.create(
            model="whisper-1", file=("talk.mp3", SOUND), response_format="text"
        )

    assert heard == TEXT + "\n"
    assert raw.headers["content-type"] == "text/plain; charset=utf-8"


def test_verbose_json_tells_what_is_known_and_no_more(api: Api) -> None:
    with sdk(api) as client:
        heard = client.audio.transcriptions.create(
            model="whisper-1",
            file=("talk.wav", wav(1.5)),
            language="de",
            response_format="verbose_json",
        )

    assert heard.duration == 1.5
    assert heard.language == "de"
    assert heard.segments is None
    assert heard.words is None


def test_a_stream_brings_the_text_and_its_end(api: Api) -> None:
    with sdk(api) as client:
        stream = client.audio.transcriptions.create(
            model="gpt-4o-transcribe", file=("talk.mp3", SOUND), stream=True
        )
        events = list(stream)

    assert [event.type for event in events] == ["transcript.text.delta", "transcript.text.done"]
    last = events[-1]
    assert last.type == "transcript.text.done"
    assert last.text == TEXT


def test_a_large_recording_goes_through(api: Api) -> None:
    sound = SOUND + bytes(15_000_000)
    with sdk(api) as client:
        heard = client.audio.transcriptions.create(model="whisper-1", file=("talk.mp3", sound))

    assert heard.text == TEXT


@pytest.mark.parametrize(
    ("fields", "param", "says"),
    [
        ({"response_format": "srt"}, "response_format", "timestamps"),
        ({"response_format": "vtt"}, "response_format", "timestamps"),
        ({"response_format": "diarized_json"}, "response_format", "speakers"),
        ({"response_format": "xml"}, "response_format", "must be json"),
        ({"timestamp_granularities[]": "word"}, "timestamp_granularities", "timestamps"),
        ({"include[]": "logprobs"}, "include", "probabilities"),
        ({"temperature": "7"}, "temperature", "0 to 1"),
        ({"language": "no such language"}, "language", "ISO 639"),
        ({"stream": "maybe"}, "stream", "true or false"),
        ({"stream": "true", "response_format": "verbose_json"}, "response_format", "stream"),
    ],
)
def test_what_cannot_be_had_is_refused_by_name(
    api: Api, emulator: Upstream, fields: dict[str, str], param: str, says: str
) -> None:
    response = api.client.post(
        "/v1/audio/transcriptions",
        data={"model": "whisper-1", **fields},
        files={"file": ("talk.mp3", SOUND, "audio/mpeg")},
    )

    assert response.status_code == 400
    assert response.json()["error"]["param"] == param
    assert says in response.json()["error"]["message"]
    assert not asked(emulator, "transcribe"), "nobody was asked"


@pytest.mark.parametrize(
    ("name", "data", "kind", "says"),
    [
        ("notes.txt", b"text", "text/plain", "must be a recording"),
        ("talk.mp3", b"", "audio/mpeg", "is empty"),
    ],
)
def test_what_is_no_recording_is_refused(
    api: Api, name: str, data: bytes, kind: str, says: str
) -> None:
    response = api.client.post(
        "/v1/audio/transcriptions", data={"model": "x"}, files={"file": (name, data, kind)}
    )

    assert response.status_code == 400
    assert response.json()["error"]["param"] == "file"
    assert says in response.json()["error"]["message"]


def test_a_body_that_is_no_form_is_refused(api: Api) -> None:
    response = api.post({"model": "whisper-1"}, "/v1/audio/transcriptions")

    assert response.status_code == 400
    assert "multipart/form-data" in response.json()["error"]["message"]


def test_a_recording_above_the_limit_is_refused(start: Start) -> None:
    api = start(max_file=10_000, max_body=1_000)
    response = api.client.post(
        "/v1/audio/transcriptions", files={"file": ("talk.mp3", bytes(20_000), "audio/mpeg")}
    )

    assert response.status_code == 413
    assert "MAX_FILE" in response.json()["error"]["message"]


def test_what_chatgpt_does_not_take_is_said_to_be_about_the_file(
    api: Api, emulator: Upstream
) -> None:
    refusal = Respond(415, '{"detail": "Unsupported codec"}')
    emulator.push(At("transcribe", refusal))
    response = api.client.post(
        "/v1/audio/transcriptions", files={"file": ("talk.mp3", SOUND, "audio/mpeg")}
    )

    assert response.status_code == 400
    assert response.json()["error"]["param"] == "file"
    assert "Unsupported codec" in response.json()["error"]["message"]


def test_a_limit_is_a_limit(api: Api, emulator: Upstream) -> None:
    emulator.push(At("transcribe", Named("429"), times=10))
    response = api.client.post(
        "/v1/audio/transcriptions", files={"file": ("talk.mp3", SOUND, "audio/mpeg")}
    )

    assert response.status_code == 429


@pytest.mark.parametrize("backend", ["httpx", "aiohttp"])
def test_another_account_gets_the_whole_recording(
    start: Start, emulator: Upstream, backend: str
) -> None:
    emulator.push(At("transcribe", Named("429")))
    other = Account(access_token=Secret(make_access_token(account_id="acc-2", jti="other")))
    own = Account(access_token=Secret(DEMO_ACCESS_TOKEN))
    api = start(accounts=(own, other), http_backend=backend)
    sound = SOUND + bytes(2_000_000)  # more than is kept in memory
    with sdk(api) as client:
        heard = client.audio.transcriptions.create(model="whisper-1", file=("talk.mp3", sound))

    assert heard.text == TEXT
    assert [record.status for record in asked(emulator, "transcribe")] == [429, 200]


def test_plain_text_of_chatgpt_is_taken_as_well(api: Api, emulator: Upstream) -> None:
    emulator.push(At("transcribe", Respond(200, "Hello. ", "text/plain; charset=utf-8")))
    with sdk(api) as client:
        heard = client.audio.transcriptions.create(model="whisper-1", file=("talk.mp3", SOUND))

    assert heard.text == "Hello."


def test_what_is_no_answer_is_garbage(api: Api, emulator: Upstream) -> None:
    emulator.push(At("transcribe", Respond(200, '{"words": []}'), times=10))
    response = api.client.post(
        "/v1/audio/transcriptions", files={"file": ("talk.mp3", SOUND, "audio/mpeg")}
    )

    assert response.status_code == 502
    assert response.json()["error"]["stage"] == "transcription"


@pytest.mark.parametrize("stream_format", ["sse", "audio"])
def test_trouble_with_reading_aloud_is_said_to_be_there(
    api: Api, emulator: Upstream, stream_format: str
) -> None:
    emulator.push(At("synthesize", Named("429"), times=10))
    wish = {"model": "tts-1", "input": "Hello.", "voice": "alloy", "stream_format": stream_format}
    response = api.post(wish, "/v1/audio/speech")

    assert response.status_code == 429
    assert response.json()["error"]["stage"] == "speech"


@pytest.mark.parametrize("route", ["transcriptions", "translations"])
def test_without_an_account_nothing_is_heard(start: Start, route: str) -> None:
    api = start(anonymous=True)
    del api.client.headers["authorization"]
    response = api.client.post(
        f"/v1/audio/{route}", files={"file": ("talk.mp3", SOUND, "audio/mpeg")}
    )

    assert response.status_code == 403
    assert response.json()["error"]["code"] == "login_required"


# ---------------------------------------------------------------------------------- translations


def test_a_translation_is_what_a_turn_makes_of_the_text(api: Api, emulator: Upstream) -> None:
    said = emulated("Guten Tag, Mond.", "cove", "mp3")
    emulator.push(Reply((Say(("Good day, ", "moon.")),)))
    with sdk(api) as client, pytest.deprecated_call():
        english = client.audio.translations.create(
            model="whisper-1", file=("talk.mp3", said), prompt="Lower case, please"
        )

    assert english.text == "Good day, moon."
    (turn,) = asked(emulator, "conversation")
    messages = json.loads(turn.body)["messages"]
    assert messages[-1]["content"]["parts"] == ["Guten Tag, Mond."]
    assert "into English" in messages[0]["content"]["parts"][0]
    assert "Lower case, please" in messages[0]["content"]["parts"][0]


def test_a_verbose_translation_says_that_it_is_english(api: Api, emulator: Upstream) -> None:
    emulator.push(Reply((Say(("Hello.",)),)))
    with sdk(api) as client, pytest.deprecated_call():
        english = client.audio.translations.create(
            model="whisper-1", file=("talk.mp3", SOUND), response_format="verbose_json"
        )

    assert english.language == "english"
    assert english.text == "Hello."


def test_silence_is_not_translated(api: Api, emulator: Upstream) -> None:
    said = emulated("", "cove", "mp3")
    response = api.client.post(
        "/v1/audio/translations", files={"file": ("talk.mp3", said, "audio/mpeg")}
    )

    assert response.json() == {"text": ""}
    assert not asked(emulator, "conversation")


def test_half_a_translation_is_none(start: Start, emulator: Upstream) -> None:
    emulator.push(Reply((Say(("Half ",)), Stop("max_tokens"))))
    api = start(max_continues=0)
    response = api.client.post(
        "/v1/audio/translations", files={"file": ("talk.mp3", SOUND, "audio/mpeg")}
    )

    assert response.status_code == 502


# ---------------------------------------------------------------------------------------- speech


@pytest.mark.parametrize("protocol", ["current", "legacy"])
def test_a_text_is_spoken_into_a_file(
    start: Start, emulator: Upstream, tmp_path: Path, protocol: str
) -> None:
    file = tmp_path / "speech.mp3"
    api = start(chatgpt_protocol=protocol)
    with (
        sdk(api) as client,
        client.audio.speech.with_streaming_response.create(
            model="tts-1", voice="nova", input=TEXT
        ) as response,
    ):
        response.stream_to_file(file)

    assert file.read_bytes() == emulated(TEXT, "maple", "mp3")
    (wish,) = asked(emulator, "synthesize")
    assert wish.status == 200


def test_the_conversation_is_hidden_afterwards(api: Api, emulator: Upstream) -> None:
    with sdk(api) as client:
        client.audio.speech.create(model="tts-1", voice="alloy", input=TEXT)

    changes = [record for record in asked(emulator, "history") if record.method == "PATCH"]
    assert [json.loads(change.body) for change in changes] == [{"is_visible": False}]
    assert changes[0].status == 200


@pytest.mark.parametrize(
    ("sound", "kind"), [("mp3", "audio/mpeg"), ("opus", "audio/ogg"), ("aac", "audio/aac")]
)
def test_the_sound_is_of_the_kind_that_was_asked_for(api: Api, sound: str, kind: str) -> None:
    response = api.post(
        {"model": "tts-1", "input": TEXT, "voice": "juniper", "response_format": sound},
        "/v1/audio/speech",
    )

    assert response.headers["content-type"] == kind
    assert response.content == emulated(TEXT, "juniper", sound)


def test_events_bring_the_same_audio(api: Api) -> None:
    response = api.post(
        {"model": "tts-1", "input": TEXT, "voice": "cove", "stream_format": "sse"},
        "/v1/audio/speech",
    )
    events = [json.loads(line[6:]) for line in response.text.split("\n\n") if line]

    assert response.headers["content-type"].startswith("text/event-stream")
    assert events[-1]["type"] == "speech.audio.done"
    assert events[-1]["usage"]["input_tokens"] > 0
    audio = b"".join(base64.b64decode(event["audio"]) for event in events[:-1])
    assert audio == emulated(TEXT, "cove", "mp3")


def test_audio_arrives_before_it_is_whole(api: Api, emulator: Upstream) -> None:
    # The emulator never ends it: what arrives was not waited for.
    emulator.push(At("stream", Interrupt("end", 10_000)), At("stream", Interrupt("stall", 2)))
    body = {"model": "tts-1", "input": TEXT, "voice": "cove"}
    with api.client.stream("POST", "/v1/audio/speech", json=body) as response:
        first = next(response.iter_bytes())

    assert emulated(TEXT, "cove", "mp3").startswith(first)
    # The client has hung up: the stream is closed, and the conversation hidden all the same.
    assert emulator.eventually(
        lambda: [one.method for one in asked(emulator, "history")] == ["PATCH"]
    )


def test_audio_that_breaks_off_does_not_end_well(api: Api, emulator: Upstream) -> None:
    emulator.push(At("stream", Interrupt("end", 10_000)), At("stream", Interrupt("cut", 2)))
    body = {"model": "tts-1", "input": TEXT, "voice": "cove"}
    with (
        pytest.raises(Exception, match="peer closed connection"),
        api.client.stream("POST", "/v1/audio/speech", json=body) as response,
    ):
        response.read()


def test_events_that_break_off_end_in_an_error(api: Api, emulator: Upstream) -> None:
    emulator.push(At("stream", Interrupt("end", 10_000)), At("stream", Interrupt("cut", 2)))
    body = {"model": "tts-1", "input": TEXT, "voice": "cove", "stream_format": "sse"}
    response = api.post(body, "/v1/audio/speech")

    assert "speech.audio.done" not in response.text
    assert "stream_cut" in response.text.split("\n\n")[-2]


@pytest.mark.parametrize(
    ("fields", "param", "says"),
    [
        ({"response_format": "wav"}, "response_format", "mp3, opus or aac"),
        ({"response_format": "flac"}, "response_format", "mp3, opus or aac"),
        ({"response_format": "pcm"}, "response_format", "mp3, opus or aac"),
        ({"response_format": "midi"}, "response_format", "mp3, opus or aac"),
        ({"speed": 1.5}, "speed", "one speed"),
        ({"voice": "robot"}, "voice", "alloy"),
        ({"voice": {"id": "voice_1"}}, "voice", "custom"),
        ({"input": "x" * 4097}, "input", "4096"),
        ({"input": "  "}, "input", "something"),
        ({"stream_format": "fax"}, "stream_format", "sse or audio"),
    ],
)
def test_speech_that_cannot_be_had_is_refused_by_name(
    api: Api, emulator: Upstream, fields: dict[str, object], param: str, says: str
) -> None:
    body = {"model": "tts-1", "input": TEXT, "voice": "alloy"} | fields
    response = api.post(body, "/v1/audio/speech")

    assert response.status_code == 400, response.text
    assert response.json()["error"]["param"] == param
    assert says in response.json()["error"]["message"]
    assert not asked(emulator, "conversation"), "nobody was asked"


@pytest.mark.parametrize("member", ["download_url", "url"])
def test_audio_that_is_elsewhere_is_fetched_there(
    api: Api, emulator: Upstream, member: str
) -> None:
    told = json.dumps({member: f"{emulator.url}/blob/audio?sig=abc"})
    emulator.push(
        At("synthesize", Respond(200, told)), At("blob", Respond(200, "Moo.", "audio/mpeg"))
    )
    response = api.post({"model": "tts-1", "input": TEXT, "voice": "cove"}, "/v1/audio/speech")

    assert response.content == b"Moo."
    (fetched,) = asked(emulator, "blob")
    assert "authorization" not in fetched.headers
    assert [one.method for one in asked(emulator, "history")] == ["PATCH"], "hidden"


@pytest.mark.parametrize(
    ("address", "answer", "code"),
    [
        ("http://127.0.0.1:1/audio", None, "download_unreadable"),
        ("https://user@files.example/audio", None, "download_unreadable"),
        ("file:///etc/passwd", None, "download_unreadable"),
        ("/blob/audio", Respond(404), "speech_upstream_error"),
        ("/blob/audio", Respond(500), "download_upstream_error"),
        ("/blob/audio", Respond(200, '{"url": "/blob/audio"}'), "speech_unreadable"),
    ],
)
def test_audio_that_is_elsewhere_and_not_to_be_had_is_a_failure(
    start: Start, emulator: Upstream, address: str, answer: Respond | None, code: str
) -> None:
    api = start(retry_times=0)
    emulator.push(At("synthesize", Respond(200, json.dumps({"url": address}))))
    if answer is not None:
        emulator.push(At("blob", answer))
    response = api.post({"model": "tts-1", "input": TEXT, "voice": "cove"}, "/v1/audio/speech")

    assert response.status_code == 502
    assert response.json()["error"]["code"] == code
    assert [one.method for one in asked(emulator, "history")] == ["PATCH"], "hidden"


def test_a_failure_before_the_first_sound_moves_on(api: Api, emulator: Upstream) -> None:
    emulator.push(At("synthesize", Named("503")))
    response = api.post({"model": "tts-1", "input": TEXT, "voice": "cove"}, "/v1/audio/speech")

    assert response.content == emulated(TEXT, "cove", "mp3")
    hidden = [record for record in asked(emulator, "history") if record.method == "PATCH"]
    assert len(hidden) == 2, "also the conversation that came to nothing"


@pytest.mark.parametrize(
    "answer",
    [
        Respond(200, "", "audio/mpeg"),
        Respond(200, '{"detail": "no voice today"}'),
        Respond(200, "<html>", "text/html"),
    ],
)
def test_speech_without_a_sound_is_a_failure(
    start: Start, emulator: Upstream, answer: Respond
) -> None:
    api = start(retry_times=0)
    emulator.push(At("synthesize", answer))
    response = api.post({"model": "tts-1", "input": TEXT, "voice": "cove"}, "/v1/audio/speech")

    assert response.status_code in {502, 503}, response.text
    assert [one.method for one in asked(emulator, "history")] == ["PATCH"], "hidden"


def test_a_message_that_the_stream_did_not_tell_is_looked_up(
    start: Start, emulator: Upstream
) -> None:
    # The stream ends in good form, but before it shows the message.
    api = start()
    emulator.push(At("stream", Interrupt("end", 3)))
    response = api.post({"model": "tts-1", "input": TEXT, "voice": "cove"}, "/v1/audio/speech")

    assert response.content == emulated(TEXT, "cove", "mp3")
    assert [one.method for one in asked(emulator, "history")] == ["GET", "PATCH"]


def test_a_text_that_chatgpt_does_not_say_is_not_read_aloud(
    start: Start, emulator: Upstream
) -> None:
    # Nothing that says it can be found: what was sent is not echoed whole, and the answer differs.
    api = start(retry_times=0)
    emulator.push(At("history", Named("404")), At("stream", Interrupt("end", 3)))
    response = api.post({"model": "tts-1", "input": TEXT, "voice": "cove"}, "/v1/audio/speech")

    assert response.status_code >= 400
    assert not asked(emulator, "synthesize")


def test_a_conversation_that_cannot_be_hidden_spoils_nothing(api: Api, emulator: Upstream) -> None:
    emulator.push(At("history", Named("500"), times=10))
    response = api.post({"model": "tts-1", "input": TEXT, "voice": "cove"}, "/v1/audio/speech")

    assert response.content == emulated(TEXT, "cove", "mp3")


@pytest.mark.parametrize("events", [False, True])
def test_where_nobody_hears_it_before_its_end_a_late_failure_keeps_its_status(
    emulator: Upstream, events: bool
) -> None:
    settings = Settings(
        auth_tokens=(Secret(KEY),),
        accounts=(Account(access_token=Secret(DEMO_ACCESS_TOKEN)),),
        base_urls=(emulator.url,),
        retry_times=0,
    )
    app = application(Gateway(settings, clock=SystemClock(), ids=SystemIds()))

    async def buffered(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, BUFFERED_KEY: True}, receive, send)

    body = {"model": "tts-1", "input": TEXT, "voice": "cove"}
    if events:
        body["stream_format"] = "sse"
    headers = {"authorization": f"Bearer {KEY}"}
    with (
        serving(buffered) as url,
        httpx.Client(base_url=url, headers=headers, timeout=20) as client,
    ):
        good = client.post("/v1/audio/speech", json=body)
        emulator.push(At("stream", Interrupt("end", 10_000)), At("stream", Interrupt("cut", 2)))
        bad = client.post("/v1/audio/speech", json=body)

    assert good.status_code == 200
    assert events or good.content == emulated(TEXT, "cove", "mp3")
    assert bad.status_code == 502
    assert bad.json()["error"]["code"] == "stream_cut"


def test_without_an_account_nothing_is_said(start: Start) -> None:
    api = start(anonymous=True)
    del api.client.headers["authorization"]
    response = api.post({"model": "tts-1", "input": TEXT, "voice": "cove"}, "/v1/audio/speech")

    assert response.status_code == 403
    assert response.json()["error"]["code"] == "login_required"

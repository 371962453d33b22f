"""Requests to speak, and the events of a spoken answer."""

import base64

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.dialects.audio.speech import (
    OWN_VOICES,
    VOICES,
    SaidEncoder,
    Saying,
    read_saying,
)
from chat2api_core.problem import Kind, Problem


def request(**fields: object) -> bytes:
    return msgspec.json.encode({"input": "Hello.", "model": "tts-1", "voice": "alloy"} | fields)


def test_mp3_by_the_usual_voice_is_what_is_spoken() -> None:
    assert read_saying(b'{"input": "Hello."}') == Saying("Hello.", "tts-1", "cove", "mp3")


@pytest.mark.parametrize(
    ("name", "voice"),
    [
        ("alloy", "cove"),
        ("ash", "fathom"),
        ("coral", "vale"),
        ("echo", "ember"),
        ("fable", "breeze"),
        ("onyx", "orbit"),
        ("nova", "maple"),
        ("sage", "glimmer"),
        ("shimmer", "juniper"),
        ("marin", "cove"),
        (" Juniper ", "juniper"),
    ],
)
def test_a_voice_of_openai_becomes_one_of_chatgpt(name: str, voice: str) -> None:
    assert read_saying(request(voice=name)).voice == voice


def test_every_voice_leads_to_one_that_there_is() -> None:
    assert set(VOICES.values()) <= set(OWN_VOICES)


@pytest.mark.parametrize("speed", [1, 1.0, None])
def test_the_one_speed_that_there_is_may_be_named(speed: float | None) -> None:
    assert read_saying(request(speed=speed)).text == "Hello."


@pytest.mark.parametrize(
    ("body", "kind", "param"),
    [
        (b"{", Kind.INVALID_REQUEST, None),
        (b"{}", Kind.INVALID_REQUEST, "input"),
        (request(input=3), Kind.INVALID_REQUEST, "input"),
        (request(input=""), Kind.INVALID_REQUEST, "input"),
        (request(input="\u00fc" * 4097), Kind.INVALID_REQUEST, "input"),
        (request(voice="robot"), Kind.INVALID_REQUEST, "voice"),
        (request(voice={"id": "voice_1"}), Kind.UNSUPPORTED_PARAMETER, "voice"),
        (request(response_format="wav"), Kind.UNSUPPORTED_PARAMETER, "response_format"),
        (request(response_format="midi"), Kind.INVALID_REQUEST, "response_format"),
        (request(speed=2), Kind.UNSUPPORTED_PARAMETER, "speed"),
        (request(speed=True), Kind.UNSUPPORTED_PARAMETER, "speed"),
        (request(speed="1"), Kind.UNSUPPORTED_PARAMETER, "speed"),
        (request(stream_format="fax"), Kind.INVALID_REQUEST, "stream_format"),
    ],
)
def test_what_cannot_be_spoken_is_refused_by_name(
    body: bytes, kind: Kind, param: str | None
) -> None:
    with pytest.raises(Problem) as caught:
        read_saying(body)

    assert caught.value.kind is kind
    assert caught.value.param == param


def test_4096_characters_are_not_too_many() -> None:
    assert len(read_saying(request(input="\u00fc" * 4096)).text) == 4096


def events(data: bytes) -> list[dict[str, object]]:
    return [msgspec.json.decode(block[6:]) for block in data.split(b"\n\n") if block]


@given(st.lists(st.binary(max_size=9), max_size=9))
def test_the_events_hold_the_audio_however_it_was_cut(pieces: list[bytes]) -> None:
    encoder = SaidEncoder()
    told = b"".join(encoder.feed(piece) for piece in pieces) + encoder.close(7)

    *deltas, last = events(told)
    letters = "".join(str(delta["audio"]) for delta in deltas)
    assert base64.b64decode(letters, validate=True) == b"".join(pieces)
    usage = {"input_tokens": 7, "output_tokens": 0, "total_tokens": 7}
    assert last == {"type": "speech.audio.done", "usage": usage}


def test_a_failure_is_the_last_event() -> None:
    problem = Problem(Kind.CUT, "It broke off.", step="stream")

    (event,) = events(SaidEncoder().fail(problem))
    assert event["error"] == {
        "message": "It broke off.",
        "type": "server_error",
        "param": None,
        "code": "stream_cut",
        "stage": "stream",
    }

"""Forms that ask to write down or translate a recording."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.dialects.audio.hearing import Hearing, read_hearing
from chat2api_core.dialects.audio.parameters import Route
from chat2api_core.problem import Kind, Problem


def test_a_form_without_fields_asks_for_json() -> None:
    assert read_hearing("transcriptions", {}) == Hearing("whisper-1")


def test_every_field_that_is_used_is_read() -> None:
    fields = {
        "model": ["gpt-4o-transcribe"],
        "language": ["pt-BR"],
        "response_format": ["text"],
        "prompt": ["Rhea"],
        "stream": ["True"],
        "temperature": ["0.2"],
    }

    assert read_hearing("transcriptions", fields) == Hearing(
        "gpt-4o-transcribe", "text", "pt-BR", "Rhea", stream=True
    )


def test_a_translation_is_not_streamed_and_knows_its_language() -> None:
    fields = {"stream": ["true"], "language": ["xx yy"], "timestamp_granularities": ["word"]}

    assert read_hearing("translations", fields) == Hearing("whisper-1")


@pytest.mark.parametrize("value", ["", "false", "0", "False"])
def test_no_stream_is_asked_for_by(value: str) -> None:
    assert not read_hearing("transcriptions", {"stream": [value]}).stream


@pytest.mark.parametrize(
    ("fields", "kind", "param"),
    [
        ({"response_format": ["srt"]}, Kind.UNSUPPORTED_PARAMETER, "response_format"),
        ({"response_format": ["diarized_json"]}, Kind.UNSUPPORTED_PARAMETER, "response_format"),
        ({"response_format": ["xml"]}, Kind.INVALID_REQUEST, "response_format"),
        ({"response_format": ["json", "text"]}, Kind.INVALID_REQUEST, "response_format"),
        ({"include": ["logprobs"]}, Kind.UNSUPPORTED_PARAMETER, "include"),
        ({"known_speaker_names": ["Ann"]}, Kind.UNSUPPORTED_PARAMETER, "known_speaker_names"),
        ({"temperature": ["hot"]}, Kind.INVALID_REQUEST, "temperature"),
        ({"temperature": ["nan"]}, Kind.INVALID_REQUEST, "temperature"),
        ({"temperature": ["1.1"]}, Kind.INVALID_REQUEST, "temperature"),
        ({"language": ["english!"]}, Kind.INVALID_REQUEST, "language"),
        ({"stream": ["on"]}, Kind.INVALID_REQUEST, "stream"),
        ({"model": ["x" * 300]}, Kind.INVALID_REQUEST, "model"),
    ],
)
def test_a_field_that_cannot_be_obeyed_is_named(
    fields: dict[str, list[str]], kind: Kind, param: str
) -> None:
    with pytest.raises(Problem) as caught:
        read_hearing("transcriptions", fields)

    assert caught.value.kind is kind
    assert caught.value.param == param


def test_a_refused_field_that_is_empty_asks_for_nothing() -> None:
    fields = {"include": [""], "timestamp_granularities": [""]}

    assert read_hearing("transcriptions", fields) == Hearing("whisper-1")


@given(
    route=st.sampled_from(["transcriptions", "translations"]),
    fields=st.dictionaries(
        st.sampled_from(["model", "language", "response_format", "stream", "temperature", "x"]),
        st.lists(st.text(max_size=12), max_size=2),
    ),
)
def test_whatever_is_sent_is_read_or_refused(route: Route, fields: dict[str, list[str]]) -> None:
    problem: Problem | None = None
    try:
        read_hearing(route, fields)
    except Problem as refused:
        problem = refused
    assert problem is None or (problem.status == 400 and problem.param in fields)

"""Types and lengths of recordings."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.media.recording import seconds, sound_type


@pytest.mark.parametrize(
    ("name", "declared", "mime"),
    [
        ("a.mp3", "audio/mpeg", "audio/mpeg"),
        ("a.mp3", "", "audio/mpeg"),
        ("a.MP3", "application/octet-stream", "audio/mpeg"),
        ("a.wav", "audio/x-wav", "audio/wav"),
        ("film.mp4", "video/mp4", "audio/mp4"),
        ("voice.weba", "audio/webm; codecs=opus", "audio/webm"),
        ("blob", "audio/ogg", "audio/ogg"),
        ("a.oga", "application/octet-stream", "audio/ogg"),
        ("notes.txt", "text/plain", ""),
        ("blob", "", ""),
        ("a.mp3.exe", "", ""),
        ("", "image/png", ""),
    ],
)
def test_a_type_is_as_declared_or_by_the_name(name: str, declared: str, mime: str) -> None:
    assert sound_type(name, declared) == mime


def riff(*chunks: tuple[bytes, bytes, int]) -> bytes:
    """A WAV file of chunks: name, content, declared length."""
    body = b"".join(name + struct.pack("<I", size) + data for name, data, size in chunks)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WAVE" + body


FORM = struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16)


@pytest.mark.parametrize(
    ("file", "length"),
    [
        (riff((b"fmt ", FORM, 16), (b"data", bytes(8000), 8000)), 0.5),
        (riff((b"LIST", b"odd\0", 3), (b"fmt ", FORM, 16), (b"data", bytes(16), 16)), 0.001),
        (riff((b"fmt ", FORM, 16), (b"data", bytes(16000), 0xFFFFFFFF)), 1.0),
        (riff((b"data", bytes(16000), 16000)), 0.0),
        (riff((b"fmt ", FORM, 16)), 0.0),
        (b"ID3\x04 not a WAV file", 0.0),
        (b"", 0.0),
    ],
)
def test_a_wav_file_tells_how_long_it_is(file: bytes, length: float) -> None:
    assert seconds(file, len(file)) == length


@given(st.binary(max_size=200), st.integers(0, 10_000))
def test_whatever_comes_has_a_length(rest: bytes, size: int) -> None:
    file = b"RIFF\0\0\0\0WAVE" + rest
    assert seconds(file, max(size, len(file))) >= 0

"""The JSON of an event: one object as a rule, sometimes several stuck together in one line.

The one rule: what is not JSON objects from end to end is ``Problem(GARBAGE)``.
"""

import json
import re

import msgspec

from chat2api_core.problem import Kind, Problem

decode = msgspec.json.Decoder(dict[str, object]).decode
_split = json.JSONDecoder().raw_decode
_BLANK = r"\s*"


def split_frames(data: bytes) -> list[dict[str, object]]:
    """JSON objects stuck together in one event."""
    frames: list[dict[str, object]] = []
    try:
        text = data.decode()
        place = 0
        while place < len(text):
            _, end = _split(text, place)
            frames.append(decode(text[place:end]))
            blank = re.compile(_BLANK).match(text, end)
            place = blank.end() if blank is not None else end
    except (ValueError, msgspec.DecodeError, RecursionError) as error:
        raise Problem(
            Kind.GARBAGE, "ChatGPT sent an event that is not readable.", step="stream"
        ) from error
    return frames

"""Every parameter of the routes under ``/v1/audio`` and what becomes of it: the one table.

In: nothing. Out: ``PARAMETERS``, which the parsers obey and the docs show
(``python -m chat2api_core.dialects.audio.parameters`` prints it). The rule: a parameter is used, or
leaving it out changes nothing that the caller can rely on (ignored), or it is refused by name. What
is in no table is ignored.
"""

import sys
from typing import Literal, TypeAlias

from msgspec import Struct

Route: TypeAlias = Literal["transcriptions", "translations", "speech"]
Treatment: TypeAlias = Literal["used", "ignored", "refused"]


class Parameter(Struct, frozen=True):
    """One row. ``neutral`` are the values of a refused parameter, as they stand in a form or in
    JSON, that ask for nothing; empty ones, null and leaving it out always are."""

    name: str
    treatment: Treatment
    why: str
    neutral: tuple[str, ...] = ()


_FILE = Parameter("file", "used", "one recording, up to MAX_FILE bytes")
_MODEL = Parameter("model", "ignored", "there is one; a key's list of models counts it")
_PROMPT = Parameter("prompt", "ignored", "ChatGPT's transcription takes no hints of style")
_TEMPERATURE = Parameter("temperature", "ignored", "its range is checked; there is no such setting")
_VERBOSE = (
    "; in `verbose_json` the `duration` is known of WAV files only and else 0, and there are no "
    "segments"
)
_NO_TIMES = "ChatGPT's transcription knows no timestamps"
_NO_SPEAKERS = "ChatGPT's transcription does not tell speakers apart"

PARAMETERS: dict[Route, tuple[Parameter, ...]] = {
    "transcriptions": (
        _FILE,
        _MODEL,
        Parameter("language", "used", "an ISO 639 code such as `en`"),
        Parameter(
            "response_format",
            "used",
            f"`json`, `text` or `verbose_json`; `srt` and `vtt` are refused, because {_NO_TIMES}, "
            f"and `diarized_json`, because it has no speakers{_VERBOSE}",
        ),
        Parameter(
            "stream", "used", "`transcript.text.delta` and `.done`, of the one text that there is"
        ),
        _PROMPT,
        _TEMPERATURE,
        Parameter("languages", "ignored", "a hint; `language` is passed on"),
        Parameter("keywords", "ignored", "ChatGPT's transcription takes no hints of words"),
        Parameter("chunking_strategy", "ignored", "ChatGPT cuts recordings as it likes"),
        Parameter("timestamp_granularities", "refused", _NO_TIMES),
        Parameter("include", "refused", "ChatGPT does not tell probabilities"),
        Parameter("known_speaker_names", "refused", _NO_SPEAKERS),
        Parameter("known_speaker_references", "refused", _NO_SPEAKERS),
    ),
    "translations": (
        _FILE,
        _MODEL,
        Parameter(
            "response_format",
            "used",
            f"`json`, `text` or `verbose_json`; `srt` and `vtt` are refused, because {_NO_TIMES}"
            f"{_VERBOSE}",
        ),
        Parameter("prompt", "used", "told to the model that translates, as a hint of style"),
        _TEMPERATURE,
    ),
    "speech": (
        Parameter("input", "used", "1 to 4096 characters"),
        _MODEL,
        Parameter("voice", "used", "OpenAI's names and ChatGPT's own, see below; no custom voices"),
        Parameter(
            "response_format",
            "used",
            "`mp3`, `opus` or `aac`; `wav`, `flac` and `pcm` are refused, because ChatGPT does not "
            "make them",
        ),
        Parameter("stream_format", "used", "`audio` (the bytes as they come) or `sse`"),
        Parameter("instructions", "ignored", "ChatGPT's voices take none"),
        Parameter("speed", "refused", "ChatGPT speaks at one speed", ("1", "1.0")),
    ),
}


def refused(route: Route) -> tuple[Parameter, ...]:
    """The parameters that a route refuses."""
    return tuple(row for row in PARAMETERS[route] if row.treatment == "refused")


def markdown() -> str:
    """The tables as the docs show them, ending in a newline."""
    blocks = []
    for route, rows in PARAMETERS.items():
        lines = [f"### `POST /v1/audio/{route}`", "", "| parameter | | why, how |", "|---|---|---|"]
        for row in rows:
            taken = f" (taken: {', '.join(f'`{value}`' for value in row.neutral)})"
            lines.append(
                f"| `{row.name}` | {row.treatment} | {row.why}{taken if row.neutral else ''} |"
            )
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


if __name__ == "__main__":  # pragma: no cover (run by a test, in a process of its own)
    sys.stdout.write(markdown())

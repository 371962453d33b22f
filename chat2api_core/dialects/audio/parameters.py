"""Every parameter of the routes under ``/v1/audio``, and what becomes of it: a table for each."""

from typing import Literal, TypeAlias

from chat2api_core.dialects.parameters import Parameter, refused, table

Route: TypeAlias = Literal["transcriptions", "translations", "speech"]

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
        Parameter("speed", "refused", "ChatGPT speaks at one speed", (1,)),
    ),
}


REFUSED: dict[Route, tuple[Parameter, ...]] = {
    route: refused(rows) for route, rows in PARAMETERS.items()
}


def markdown() -> str:
    """The tables as the docs show them, each under its route."""
    return "\n".join(
        f"### `POST /v1/audio/{route}`\n\n{table(rows)}" for route, rows in PARAMETERS.items()
    )

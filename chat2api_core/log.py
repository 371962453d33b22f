"""Log lines as JSON, one a line, of facts only: events, counts, names, times.

The lines are redacted by construction: nothing in this project hands prompts, answers, tokens or
bodies to a logger, a ``Secret`` prints as ``***`` if it ever gets there, and a trace tells where an
error arose and of what type it is, not its words: those may quote what it choked on.
"""

import logging
import sys
import time
import traceback
from pathlib import Path
from typing import TextIO

import msgspec

# What every record of the standard library carries; the rest was given as ``extra``.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_MAX_CAUSES = 5


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time (UTC), level, logger, text, then the call's ``extra``."""

    def format(self, record: logging.LogRecord) -> str:
        second = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, object] = {
            "time": f"{second}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "text": record.getMessage(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info and record.exc_info[1] is not None:
            line["trace"] = _trace(record.exc_info[1])
        return msgspec.json.encode(line, enc_hook=str).decode()


def _trace(error: BaseException) -> str:
    """The types of an error and of those behind it, each with the places it went through."""
    pieces: list[str] = []
    behind: BaseException | None = error
    while behind is not None and len(pieces) < _MAX_CAUSES:
        frames = "".join(traceback.format_tb(behind.__traceback__))
        pieces.append(f"{type(behind).__name__}\n{frames}")
        behind = behind.__cause__ or (None if behind.__suppress_context__ else behind.__context__)
    return "caused by ".join(pieces)


def configure(level: str, *, file: Path | None = None, stream: TextIO | None = None) -> None:
    """Send what this project logs to ``stream`` (default: standard error), and to a file if one is
    named. A file that cannot be written is told about, once. Calling this again replaces the
    former arrangement."""
    logger = logging.getLogger("chat2api")
    for handler in logger.handlers[:]:
        logger.removeHandler(handler)
        handler.close()
    logger.setLevel(level.upper())
    logger.propagate = False
    # What it says of a form that is broken is for the client to hear, and the client does.
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)
    _attach(logger, logging.StreamHandler(stream or sys.stderr))
    if file is None:
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        _attach(logger, logging.FileHandler(file, encoding="utf-8"))
    except OSError as error:
        logger.warning("the log file cannot be written: %s", error.strerror)


def _attach(logger: logging.Logger, handler: logging.Handler) -> None:
    handler.setFormatter(JsonFormatter())
    logger.addHandler(handler)

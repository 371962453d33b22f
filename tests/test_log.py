"""Log lines: JSON, one a line, facts only."""

import io
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chat2api_core.log import JsonFormatter, configure
from chat2api_core.secret import Secret

NOTHING: dict[str, str] = {}


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Give the project's logger back as it was."""
    logger = logging.getLogger("chat2api")
    handlers, level, propagate = logger.handlers[:], logger.level, logger.propagate
    yield
    for handler in logger.handlers[:]:
        logger.removeHandler(handler)
        handler.close()
    logger.handlers, logger.propagate = handlers, propagate
    logger.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in stream.getvalue().splitlines()]


def record(**more: Any) -> logging.LogRecord:
    standard = {
        "name": "chat2api.some",
        "levelname": "INFO",
        "msg": "said %d",
        "args": (7,),
        "created": 1_787_300_000.0,
        "msecs": 42.9,
    }
    return logging.makeLogRecord(standard | more)


class TestLines:
    def test_a_line_tells_time_level_logger_and_text(self) -> None:
        assert msgspec.json.decode(JsonFormatter().format(record())) == {
            "time": "2026-08-21T08:13:20.042Z",
            "level": "info",
            "logger": "chat2api.some",
            "text": "said 7",
        }

    def test_what_the_call_gave_beside_stands_beside(self) -> None:
        line = msgspec.json.decode(JsonFormatter().format(record(status=200, path="/v1")))

        assert (line["status"], line["path"]) == (200, "/v1")

    def test_it_is_one_line_whatever_is_in_it(self) -> None:
        text = JsonFormatter().format(record(msg="a\nb\r\u2028", args=()))

        assert len(text.split("\n")) == 1
        assert msgspec.json.decode(text)["text"] == "a\nb\r\u2028"

    def test_a_secret_does_not_print(self) -> None:
        text = JsonFormatter().format(
            record(key=Secret("sk-hidden"), msg="%s", args=(Secret("x"),))
        )

        assert "sk-hidden" not in text
        assert msgspec.json.decode(text)["key"] == "Secret('***')"

    def test_a_value_without_a_json_form_is_shown_as_text(self) -> None:
        line = msgspec.json.decode(JsonFormatter().format(record(where=Path("/some"), what=3j)))

        assert (line["where"], line["what"]) == ("/some", "3j")


def failing(raise_it: Any) -> str:
    """The trace of an error, as it is logged."""
    stream = io.StringIO()
    configure("info", stream=stream)
    try:
        raise_it()
    except ValueError as error:
        logging.getLogger("chat2api.some").error("unexpected", exc_info=error)  # noqa: TRY400
    (line,) = lines(stream)
    trace: str = line["trace"]
    return trace


class TestTraces:
    def test_they_tell_types_and_places_and_no_words(self) -> None:
        def quoting() -> None:
            raise ValueError("hidden " + "words")

        trace = failing(quoting)

        assert trace.startswith("ValueError\n")
        assert "in quoting" in trace
        assert __file__ in trace
        assert "hidden words" not in trace

    def test_they_tell_what_is_behind(self) -> None:
        def caused() -> None:
            try:
                int("hidden")
            except ValueError as error:
                raise ValueError from error

        def in_the_meantime() -> None:
            try:
                NOTHING["hidden"]
            except KeyError:
                raise ValueError  # noqa: B904 (without a cause on purpose)

        def cut_off() -> None:
            try:
                NOTHING["hidden"]
            except KeyError:
                raise ValueError from None

        assert failing(caused).count("caused by ValueError\n") == 1
        assert failing(in_the_meantime).count("caused by KeyError\n") == 1
        assert "caused by" not in failing(cut_off)

    def test_they_are_bounded(self) -> None:
        def deep() -> None:
            error = ValueError()
            for _ in range(20):
                outer = ValueError()
                outer.__cause__ = error
                error = outer
            raise error

        assert failing(deep).count("caused by") == 4

    def test_there_is_none_without_an_error(self) -> None:
        stream = io.StringIO()
        configure("info", stream=stream)
        logging.getLogger("chat2api.some").error("no error", exc_info=True)  # noqa: LOG014 (so)

        assert "trace" not in lines(stream)[0]


class TestArrangement:
    def test_the_level_decides_what_is_written(self) -> None:
        stream = io.StringIO()
        configure("warning", stream=stream)
        log = logging.getLogger("chat2api.some")
        log.info("not said")
        log.warning("said")

        assert [line["text"] for line in lines(stream)] == ["said"]

    def test_nothing_goes_to_the_root_logger(self, capsys: pytest.CaptureFixture[str]) -> None:
        stream = io.StringIO()
        outer = io.StringIO()
        handler = logging.StreamHandler(outer)
        logging.getLogger().addHandler(handler)
        try:
            configure("info", stream=stream)
            logging.getLogger("chat2api.some").info("said")
        finally:
            logging.getLogger().removeHandler(handler)

        assert len(lines(stream)) == 1
        assert outer.getvalue() == ""

    def test_without_a_stream_it_is_standard_error(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        configure("info")
        logging.getLogger("chat2api.some").info("said")

        assert msgspec.json.decode(capsys.readouterr().err)["text"] == "said"

    def test_a_file_gets_every_line_too(self, tmp_path: Path) -> None:
        stream = io.StringIO()
        file = tmp_path / "deep" / "er" / "gateway.log"
        configure("info", file=file, stream=stream)
        logging.getLogger("chat2api.some").info("gesagt \u00fc")

        assert file.read_text(encoding="utf-8") == stream.getvalue()
        assert lines(stream)[0]["text"] == "gesagt \u00fc"

    def test_a_file_that_cannot_be_written_is_told_and_left(self, tmp_path: Path) -> None:
        stream = io.StringIO()
        (tmp_path / "file").write_text("in the way")
        configure("info", file=tmp_path / "file" / "gateway.log", stream=stream)
        logging.getLogger("chat2api.some").info("said")

        first, second = lines(stream)
        assert first["level"] == "warning"
        assert "log file" in first["text"]
        assert second["text"] == "said"

    def test_a_second_arrangement_replaces_the_first(self, tmp_path: Path) -> None:
        one, other = io.StringIO(), io.StringIO()
        configure("info", stream=one, file=tmp_path / "gateway.log")
        configure("info", stream=other)
        logging.getLogger("chat2api.some").info("said")

        assert one.getvalue() == ""
        assert len(lines(other)) == 1
        assert (tmp_path / "gateway.log").read_text() == ""

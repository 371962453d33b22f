"""An answer that takes too long is ended in time, and can be gone on with."""

from chat2api_core.emulator import Reply, Say, Stall
from tests.e2e.conftest import ASK, Start, Upstream

SLOW = Reply((Say(("Once", " upon")), Stall()))


def test_a_stream_ends_cleanly_when_its_time_is_over(start: Start, emulator: Upstream) -> None:
    emulator.push(SLOW)
    stream = start(answer_timeout=1.0).stream()

    assert stream.text == "Once upon"
    assert stream.finish_reason == "length"
    assert stream.done
    assert stream.error is None
    assert stream.events[-1]["conversation_id"]


def test_a_document_ends_cleanly_when_its_time_is_over(start: Start, emulator: Upstream) -> None:
    emulator.push(SLOW)
    document = start(answer_timeout=1.0).ask()

    assert document["choices"][0]["message"]["content"] == "Once upon"
    assert document["choices"][0]["finish_reason"] == "length"
    assert document["conversation_id"]


def test_an_answer_that_does_not_begin_in_time_is_a_504(start: Start, emulator: Upstream) -> None:
    emulator.push(Reply((Stall(),)))
    response = start(answer_timeout=1.0).post(ASK)

    assert response.status_code == 504
    assert response.json()["error"]["code"] == "stream_timeout"

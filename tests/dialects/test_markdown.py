"""Pictures as Markdown, in both dialects."""

import json

import pytest

from chat2api_core.dialects.base import Head, markdown_of
from chat2api_core.dialects.chat_completions import ChatCompletions
from chat2api_core.transcript import Transcript
from chat2api_core.turn import Finished, Picture, Started, TextDelta

LINK = "https://gate.example/media/abc"


@pytest.mark.parametrize(
    ("picture", "markdown"),
    [
        (Picture("sediment://1", title="A moon", url=LINK), f"![A moon]({LINK})"),
        (Picture("sediment://1", url=LINK), f"![Picture]({LINK})"),
        (Picture("", title="a [b](c)\\\n d", url=LINK), f"![a b (c) d]({LINK})"),
        (Picture("", data="QUJD", format="webp"), "![Picture](data:image/webp;base64,QUJD)"),
        (Picture("a", data="QUJD", url=LINK), f"![Picture]({LINK})"),
        (Picture("", data="QUJD", format='png" x'), ""),
        (Picture("sediment://1", title="A moon"), ""),
    ],
)
def test_a_picture_is_shown_by_its_link_or_as_what_it_is(picture: Picture, markdown: str) -> None:
    assert markdown_of(picture) == markdown


BATCH = (
    Started("gpt-5-5", "c"),
    TextDelta("Look:"),
    Picture("sediment://1", title="A moon", url=LINK),
    Finished("stop"),
)


def test_chat_shows_it_the_same_in_a_document_and_in_a_stream() -> None:
    dialect = ChatCompletions()
    body = {"model": "auto", "messages": [{"role": "user", "content": "Draw."}], "stream": True}
    request = dialect.parse(json.dumps(body).encode())
    transcript = Transcript()
    for delta in BATCH:
        transcript.feed(delta)
    document = json.loads(dialect.document(request, Head("x", 1), transcript))
    content = document["choices"][0]["message"]["content"]
    assert content == f"Look:\n\n![A moon]({LINK})"
    stream = dialect.encoder(request, Head("x", 1)).feed(BATCH).decode()
    events = [json.loads(line[6:]) for line in stream.split("\n\n") if line[6:7] == "{"]
    pieces = [choice["delta"].get("content") for e in events for choice in e["choices"]]
    assert "".join(filter(None, pieces)) == content

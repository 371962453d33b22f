"""Pictures and files of answers, as links that any client can follow."""

import re
from typing import Any

import httpx
import pytest

from chat2api_core.accounts.account import Account
from chat2api_core.emulator import (
    DEMO_ACCESS_TOKEN,
    Cite,
    Code,
    Image,
    Reply,
    Say,
    Search,
    Source,
    Written,
)
from chat2api_core.emulator.pixels import size_of
from chat2api_core.secret import Secret
from tests.e2e.conftest import Api, Start, Upstream

CSV = Written("/mnt/data/moons.csv", "moon\nTitan\n")
TABLE = Reply(
    (
        Code(("save()",), "ok", "file-service://file-plot", (CSV,)),
        Say(
            (
                "Here is [the table](sandbox:/mnt",
                "/data/moons.csv).",
            )
        ),
    )
)
MOON = Reply((Image("sediment://file_0001", "A moon", width=64, height=32),))
LINK = re.compile(r"\((http://[^)\s]+/media/[A-Za-z0-9_-]+)\)")


def links(text: str) -> list[str]:
    return LINK.findall(text)


def follow(url: str, method: str = "GET", **headers: str) -> Any:
    """What a browser gets, which knows no key."""
    return httpx.request(method, url, headers=headers)


def content(document: Any) -> str:
    return str(document["choices"][0]["message"]["content"])


@pytest.fixture
def keeping(start: Start) -> Api:
    return start(history_disabled=False)


def test_a_file_that_code_wrote_is_a_link(emulator: Upstream, keeping: Api) -> None:
    emulator.push(TABLE)
    text = content(keeping.ask())
    table = next(url for url in links(text) if f"[the table]({url})" in text)
    assert table.startswith(f"{keeping.url}/media/")
    answer = follow(table)
    assert answer.status_code == 200
    assert answer.content == b"moon\nTitan\n"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith('attachment; filename="moons.csv"')
    assert answer.headers["content-length"] == "11"


def test_a_picture_is_markdown_in_documents_and_streams_alike(
    emulator: Upstream, keeping: Api
) -> None:
    emulator.push(MOON, MOON)
    document = content(keeping.ask())
    streamed = keeping.stream().text
    for text in (document, streamed):
        (url,) = links(text)
        assert f"![A moon]({url})" in text
        picture = follow(url)
        assert size_of(picture.content) == (64, 32)
        assert picture.headers["content-type"] == "image/png"
        assert picture.headers["content-disposition"].startswith("inline; ")
        assert picture.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in picture.headers["content-security-policy"]
        assert picture.headers["cache-control"].startswith("private")


def test_a_picture_is_markdown_in_responses_too(emulator: Upstream, keeping: Api) -> None:
    emulator.push(MOON)
    answer = keeping.post({"model": "auto", "input": "Draw."}, "/v1/responses").json()
    texts = [p["text"] for item in answer["output"] for p in item.get("content", ())]
    (url,) = links("".join(texts))
    assert size_of(follow(url).content) == (64, 32)


def test_a_plot_has_a_link_even_where_chats_are_not_kept(emulator: Upstream, api: Api) -> None:
    emulator.push(TABLE)
    text = content(api.ask())
    assert "[the table](sandbox:/mnt/data/moons.csv)" in text
    assert "No link can be given to moons.csv" in text
    (plot,) = links(text)
    assert size_of(follow(plot).content) == (640, 480)


@pytest.mark.parametrize("streamed", [True, False])
def test_sources_are_cited_where_they_stand_behind_a_link(
    emulator: Upstream, keeping: Api, streamed: bool
) -> None:
    source = Source("https://moons.example/titan", "Titan")
    said = Say(("See [it](sandbox:/mnt/data/moons.csv): Titan ", "is big "))
    emulator.push(Reply((Code(("x",), "ok", files=(CSV,)), Search("x", (source,)), said, Cite())))
    if streamed:
        answer = keeping.stream()
        text = answer.text
        deltas = [choice["delta"] for e in answer.events for choice in e.get("choices", ())]
        (note,) = [one for delta in deltas for one in delta.get("annotations", ())]
    else:
        message = keeping.ask()["choices"][0]["message"]
        text, (note,) = message["content"], message["annotations"]
    place = note["url_citation"]
    shown = text[place["start_index"] : place["end_index"]]
    assert shown == "([moons.example](https://moons.example/titan))"
    assert len(links(text)) == 1


def test_the_head_alone_can_be_asked_for(emulator: Upstream, keeping: Api) -> None:
    emulator.push(MOON)
    (url,) = links(content(keeping.ask()))
    head = follow(url, "HEAD")
    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["content-length"] == str(len(follow(url).content))


def test_a_part_can_be_asked_for(emulator: Upstream, keeping: Api) -> None:
    emulator.push(TABLE, MOON)
    table = links(content(keeping.ask()))[0]
    part = follow(table, range="bytes=5-9")
    assert (part.status_code, part.content) == (206, b"Titan")
    assert part.headers["content-range"] == "bytes 5-9/11"
    beyond = follow(table, range="bytes=99-")
    assert beyond.status_code == 416
    whole = follow(table, range="bytes=-5")  # the stores there cannot count from the end
    assert (whole.status_code, len(whole.content)) == (200, 11)
    (moon,) = links(content(keeping.ask()))
    assert follow(moon, range="bytes=0-3").content == b"\x89PNG"


@pytest.mark.parametrize("token", ["x", "x" * 2000, "AAAA", "_-_-", "%20", "gA" * 50])
def test_a_bad_link_leads_nowhere(api: Api, token: str) -> None:
    answer = follow(f"{api.url}/media/{token}")
    assert answer.status_code == 404
    assert "There is nothing at this link" in answer.json()["error"]["message"]


def test_a_link_of_another_key_leads_nowhere(emulator: Upstream, start: Start) -> None:
    emulator.push(MOON)
    one = start(history_disabled=False, secret_key=Secret("a" * 32))
    other = start(history_disabled=False, secret_key=Secret("b" * 32))
    (url,) = links(content(one.ask()))
    assert follow(url.replace(one.url, other.url)).status_code == 404


def test_a_link_works_on_another_instance(emulator: Upstream, start: Start) -> None:
    emulator.push(MOON)
    one, other = (start(history_disabled=False, secret_key=Secret("a" * 32)) for _ in range(2))
    (url,) = links(content(one.ask()))
    assert size_of(follow(url.replace(one.url, other.url)).content) == (64, 32)


def test_a_sandbox_that_was_put_away_is_gone(emulator: Upstream, keeping: Api) -> None:
    emulator.push(TABLE)
    table = links(content(keeping.ask()))[0]
    emulator.app.reset()
    answer = follow(table)
    assert answer.status_code == 404  # the whole conversation is gone
    emulator.push(Reply((Say(("See [it](sandbox:/mnt/data/moons.csv).",)),)))
    (url,) = links(content(keeping.ask()))
    gone = follow(url)
    assert gone.status_code == 410
    assert "put away the sandbox" in gone.json()["error"]["message"]


def test_an_account_that_is_gone_takes_its_links_along(emulator: Upstream, start: Start) -> None:
    emulator.push(MOON)
    key = Secret("a" * 32)
    one = start(history_disabled=False, secret_key=key)
    other = start(secret_key=key, accounts=(Account(access_token=Secret("another")),))
    (url,) = links(content(one.ask()))
    answer = follow(url.replace(one.url, other.url))
    assert answer.status_code == 404
    assert "no longer configured" in answer.json()["error"]["message"]


def test_a_caller_with_a_token_of_its_own_gets_links_that_work_without_it(
    emulator: Upstream, start: Start
) -> None:
    emulator.push(MOON, TABLE)
    api = start(history_disabled=False, accounts=(), allow_upstream_tokens=True)
    api.client.headers["authorization"] = f"Bearer {DEMO_ACCESS_TOKEN}"
    (moon,) = links(content(api.ask()))
    assert size_of(follow(moon).content) == (64, 32)
    table = links(api.stream().text)[0]
    assert follow(table).content == b"moon\nTitan\n"


def test_links_begin_where_clients_reach_the_gateway(emulator: Upstream, start: Start) -> None:
    emulator.push(MOON, MOON)
    public = start(history_disabled=False, public_url="https://chat.example/", api_prefix="/x")
    answer = public.post(
        {"model": "auto", "messages": [{"role": "user", "content": "Hi"}]}, "/x/v1/chat/completions"
    )
    assert "(https://chat.example/x/media/" in content(answer.json())
    behind = start(history_disabled=False)
    headers = {"x-forwarded-proto": "https", "x-forwarded-host": "door.example, inner"}
    answer = behind.post(
        {"model": "auto", "messages": [{"role": "user", "content": "Hi"}]}, **headers
    )
    assert "(https://door.example/media/" in content(answer.json())

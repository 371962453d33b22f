"""Reading the list of models."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.problem import Kind, Problem
from chat2api_core.upstreams.base import Model
from chat2api_core.upstreams.chatgpt_web.catalog import FALLBACK, read_models

AUTO = Model("auto", "Auto")


def test_slug_title_and_length_are_read_from_a_whole_answer() -> None:
    body = b"""{"models":[{"slug":"gpt-5-5","max_tokens":34815,"title":"GPT-5.5","description":"x",
      "tags":["gpt5"],"capabilities":{},"product_features":{"attachments":{"type":"retrieval",
      "accepted_mime_types":["text/plain"],"can_accept_all_mime_types":true}},
      "enabled_tools":["tools","search","canvas"],"reasoning_type":"none","thinking_efforts":[]}],
      "categories":[{"category":"gpt_5","human_category_name":"GPT-5","default_model":"gpt-5-5",
      "plugins_model":"","subscription_level":"plus"}],"default_model_slug":"auto"}"""
    assert read_models(body) == (AUTO, Model("gpt-5-5", "GPT-5.5", context_tokens=34815))


@pytest.mark.parametrize(
    ("situation", "body", "models"),
    [
        ("no models", b'{"models":[]}', (AUTO,)),
        ("auto is listed", b'{"models":[{"slug":"o3"},{"slug":"auto","title":"Smart"}]}',
         (Model("o3"), Model("auto", "Smart"))),
        ("only a slug", b'{"models":[{"slug":"o3"}]}', (AUTO, Model("o3"))),
        ("nulls", b'{"models":[{"slug":"o3","title":null,"max_tokens":null}]}',
         (AUTO, Model("o3"))),
        ("the same twice", b'{"models":[{"slug":"o3","title":"A"},{"slug":"o3","title":"B"}]}',
         (AUTO, Model("o3", "A"))),
        ("odd entries", b'{"models":[1,null,{},{"slug":7},{"slug":""},"x",{"slug":"o3"}]}',
         (AUTO, Model("o3"))),
        ("a negative length", b'{"models":[{"slug":"o3","max_tokens":-1}]}', (AUTO, Model("o3"))),
        ("bad bytes in one entry", b'{"models":[{"slug":"\xff"},{"slug":"o3"}]}',
         (AUTO, Model("o3"))),
    ],
)  # fmt: skip
def test_lists_are_read_with_tolerance(
    situation: str, body: bytes, models: tuple[Model, ...]
) -> None:
    assert read_models(body) == models, situation


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b"{}", b'{"models":null}', b'{"models":{}}', b"<html>", b"\xff"]
)
def test_an_answer_without_a_list_is_garbage(body: bytes) -> None:
    with pytest.raises(Problem) as caught:
        read_models(body)
    assert caught.value.kind is Kind.GARBAGE
    assert caught.value.code == "models_unreadable"


def test_an_endless_list_is_cut() -> None:
    entries = b",".join(b'{"slug":"m%d"}' % number for number in range(600))
    assert len(read_models(b'{"models":[' + entries + b"]}")) == 501


def test_without_a_list_there_is_auto() -> None:
    assert FALLBACK == (AUTO,)


def outcome(body: bytes) -> tuple[tuple[Model, ...], Kind | None]:
    try:
        return read_models(body), None
    except Problem as problem:
        return (), problem.kind


@given(st.binary() | st.binary().map(lambda junk: b'{"models":[' + junk + b"]}"))
def test_garbage_gives_models_or_our_error(body: bytes) -> None:
    models, kind = outcome(body)
    assert kind in (None, Kind.GARBAGE)
    assert kind or any(model.id == "auto" for model in models)

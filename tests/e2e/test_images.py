"""Pictures to order through the official SDK: over ChatGPT's web and over Codex, as JSON, as links,
as streams, with pictures to work from; refusals, limits, callers without a login."""

import base64
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from chat2api_core.accounts.account import Account
from chat2api_core.emulator import (
    At,
    Image,
    Interrupt,
    Named,
    Reply,
    Respond,
    Say,
    make_access_token,
)
from chat2api_core.emulator.pixels import draw
from chat2api_core.secret import Secret
from tests.e2e.conftest import KEY, Api, Start, Upstream

PNG = draw("a photo", 20, 10)
MASK = draw("a mask", 20, 10)
DECLINED = Reply((Say(("I can't make that: ", "it would go against our content policy.")),))
NO_MORE = Reply(
    (Say(("You've hit the plan limit for image requests. It resets in 3 hours and 12 minutes.",)),)
)


def account(name: str, kind: Any = "web") -> Account:
    token = make_access_token(account_id=name, user_id=f"user-{name}")
    return Account(access_token=Secret(token), account_id=name, type=kind)


@contextmanager
def sdk(api: Api, **options: Any) -> Iterator[OpenAI]:
    known: dict[str, Any] = {"api_key": KEY, "max_retries": 0, "timeout": 20}
    with OpenAI(
        base_url=f"{api.url}/v1", _strict_response_validation=True, **known | options
    ) as client:
        yield client


def size_of(b64: str | None) -> tuple[int, int]:
    """Width and height of a PNG in base64."""
    assert b64 is not None
    data = base64.b64decode(b64)
    assert data.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", data[16:24])
    return width, height


@pytest.fixture
def web(start: Start) -> Api:
    return start(accounts=(account("one"), account("two"), account("three")))


@pytest.fixture
def codex(start: Start) -> Api:
    return start(accounts=(account("one", "codex"), account("two", "codex")))


@pytest.fixture(params=["web", "codex"])
def either(request: pytest.FixtureRequest) -> Api:
    api: Api = request.getfixturevalue(request.param)
    return api


# ------------------------------------------------------------------------------------ generations


def test_a_picture_comes_in_base64(either: Api) -> None:
    with sdk(either) as client:
        answer = client.images.generate(prompt="A moon", size="640x480", model="gpt-image-2")
    assert answer.data is not None
    (picture,) = answer.data
    assert size_of(picture.b64_json) == (640, 480)
    assert picture.url is None
    assert (answer.output_format, answer.size) == ("png", "640x480")
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens


def test_a_picture_comes_as_a_link(web: Api) -> None:
    with sdk(web) as client:
        answer = client.images.generate(prompt="A moon", size="640x480", response_format="url")
    assert answer.data is not None
    url = answer.data[0].url
    assert url is not None
    assert url.startswith(f"{web.url}/media/")
    response = httpx.get(url)  # by anybody who has the link
    assert response.headers["content-type"] == "image/png"
    assert size_of(base64.b64encode(response.content).decode()) == (640, 480)


def test_a_request_that_hides_where_it_was_sent_gets_the_picture_within_its_address(
    web: Api,
) -> None:
    wrong = {"x-forwarded-host": "no host"}
    with sdk(web, default_headers=wrong) as client:
        answer = client.images.generate(prompt="A moon", size="64x48", response_format="url")
    assert answer.data is not None
    head, _, data = str(answer.data[0].url).partition(",")
    assert head == "data:image/png;base64"
    assert size_of(data) == (64, 48)


def test_where_there_is_no_link_the_address_holds_the_picture(codex: Api) -> None:
    with sdk(codex) as client:
        answer = client.images.generate(prompt="A moon", response_format="url")
    assert answer.data is not None
    assert str(answer.data[0].url).startswith("data:image/png;base64,")


def test_several_pictures_are_made_by_several_accounts(web: Api, emulator: Upstream) -> None:
    with sdk(web) as client:
        answer = client.images.generate(prompt="A moon", n=3)
    assert answer.data is not None
    assert len({picture.b64_json for picture in answer.data}) == 3
    turns = [call for call in emulator.app.log.records if call.place == "conversation"]
    assert len({call.owner for call in turns}) == 3


def test_what_was_made_is_not_lost_to_what_failed(start: Start, emulator: Upstream) -> None:
    api = start(retry_times=0)
    emulator.push(Reply((Image(title="A moon"),)), DECLINED)
    response = api.post({"prompt": "A moon", "n": 2}, "/v1/images/generations")
    assert response.status_code == 200
    assert len(response.json()["data"]) == 1
    assert "1 of 2 pictures were not made" in response.headers["x-chat2api-warning"]


def test_a_stream_ends_with_the_picture(web: Api) -> None:
    with sdk(web) as client:
        stream = client.images.generate(
            prompt="A moon", size="640x480", stream=True, partial_images=2
        )
        *_, last = list(stream)
    assert last.type == "image_generation.completed"
    assert size_of(last.b64_json) == (640, 480)
    assert (last.size, last.output_format) == ("640x480", "png")


def test_a_stream_shows_previews(codex: Api, emulator: Upstream) -> None:
    emulator.push(Reply((Image(title="A moon", previews=2),)))
    with sdk(codex) as client:
        stream = client.images.generate(
            prompt="A moon", size="64x32", stream=True, partial_images=2
        )
        events = list(stream)
    assert [event.type for event in events] == [
        "image_generation.partial_image",
        "image_generation.partial_image",
        "image_generation.completed",
    ]
    assert [size_of(event.b64_json) for event in events] == [(64, 32)] * 3


def test_a_picture_that_only_the_conversation_shows_is_waited_for(
    web: Api, emulator: Upstream
) -> None:
    emulator.push(Reply((Image(title="A moon", polls=2, width=50, height=40),)))
    with sdk(web) as client:
        answer = client.images.generate(prompt="A moon")
    assert answer.data is not None
    assert size_of(answer.data[0].b64_json) == (50, 40)


def test_a_long_silence_is_broken(start: Start, emulator: Upstream) -> None:
    api = start(heartbeat=0.3)
    emulator.push(Reply((Image(polls=2),)))
    response = api.post({"prompt": "A moon", "stream": True}, "/v1/images/generations")
    before, _, after = response.text.partition("event: ")
    assert before.startswith(": keep-alive\n\n")
    assert after.startswith("image_generation.completed\n")


def test_a_picture_that_takes_too_long_is_a_504(start: Start, emulator: Upstream) -> None:
    api = start(image_timeout=1.0)
    emulator.push(Reply((Image(polls=1000),)))
    with sdk(api) as client, pytest.raises(openai.InternalServerError) as caught:
        client.images.generate(prompt="A moon")
    assert caught.value.status_code == 504
    assert "IMAGE_TIMEOUT" in caught.value.message
    assert caught.value.response.headers["x-should-retry"] == "false"


# ------------------------------------------------------------------------------ edits, variations


def test_pictures_to_work_from_go_along(either: Api, emulator: Upstream) -> None:
    with sdk(either) as client:
        answer = client.images.edit(
            image=[("a.png", PNG, "image/png"), ("b.png", MASK, "image/png")],
            prompt="Blue, 64x32",
            size="64x32",
        )
    assert answer.data is not None
    assert size_of(answer.data[0].b64_json) == (64, 32)


def test_a_mask_goes_to_codex(start: Start, emulator: Upstream) -> None:
    api = start(accounts=(account("one"), account("two", "codex")))
    with sdk(api) as client:
        answer = client.images.edit(
            image=("a.png", PNG, "image/png"), mask=("m.png", MASK, "image/png"), prompt="Blue"
        )
    assert answer.data is not None
    places = [call.place for call in emulator.app.log.records]
    assert "codex" in places
    assert "conversation" not in places


def test_a_mask_without_codex_is_refused_by_name(web: Api) -> None:
    with sdk(web) as client, pytest.raises(openai.BadRequestError) as caught:
        client.images.edit(image=("a.png", PNG), mask=("m.png", MASK), prompt="Blue")
    assert caught.value.param == "mask"


def test_a_mask_in_json_has_to_be_a_picture_too(codex: Api, emulator: Upstream) -> None:
    picture = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    mask = {"image_url": "data:image/png;base64,aGVsbG8="}
    response = codex.post({"prompt": "Blue", "image": picture, "mask": mask}, "/v1/images/edits")
    assert (response.status_code, response.json()["error"]["param"]) == (400, "mask")
    assert not emulator.app.log.records


def test_an_edit_may_be_json(web: Api) -> None:
    url = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    body = {"prompt": "Blue", "images": [{"image_url": url}]}
    response = web.post(body, "/v1/images/edits")
    assert response.status_code == 200, response.text


def test_what_is_no_picture_is_refused_by_name(web: Api) -> None:
    with sdk(web) as client, pytest.raises(openai.BadRequestError) as caught:
        client.images.edit(image=("a.png", b"Hello"), prompt="Blue")
    assert caught.value.param == "image"


def test_a_stream_of_an_edit_has_events_of_its_own(web: Api) -> None:
    with sdk(web) as client:
        stream = client.images.edit(image=("a.png", PNG), prompt="Blue", stream=True)
        assert [event.type for event in stream] == ["image_edit.completed"]


def test_a_variation_needs_no_words(web: Api) -> None:
    with (
        sdk(web) as client,
        pytest.warns(DeprecationWarning, match="deprecated"),
    ):  # OpenAI itself has given it up
        answer = client.images.create_variation(image=("a.png", PNG), n=1)
    assert answer.data is not None
    assert answer.data[0].b64_json


# --------------------------------------------------------------------------------------- refusals


def test_a_refusal_is_told_with_its_words(either: Api, emulator: Upstream) -> None:
    emulator.push(DECLINED)
    with sdk(either) as client, pytest.raises(openai.BadRequestError) as caught:
        client.images.generate(prompt="Something bad")
    assert caught.value.code == "content_policy_violation"
    assert "go against our content policy" in caught.value.message


def test_a_limit_of_pictures_moves_on_to_another_account(web: Api, emulator: Upstream) -> None:
    emulator.push(NO_MORE)
    with sdk(web) as client:
        answer = client.images.generate(prompt="A moon")
    assert answer.data is not None
    assert len({c.owner for c in emulator.app.log.records if c.place == "conversation"}) == 2


def test_a_limit_that_is_told_at_once_moves_on_as_well(web: Api, emulator: Upstream) -> None:
    emulator.push(At("conversation", Named("429 cap")))
    with sdk(web) as client:
        assert client.images.generate(prompt="A moon").data


def test_who_may_draw_no_more_may_still_talk(start: Start, emulator: Upstream) -> None:
    api = start()
    emulator.push(NO_MORE)
    assert api.post({"prompt": "A moon"}, "/v1/images/generations").status_code == 429
    assert api.post({"prompt": "A moon"}, "/v1/images/generations").status_code == 429
    assert api.ask()["choices"][0]["message"]["content"]
    turns = [call for call in emulator.app.log.records if call.place == "conversation"]
    assert len(turns) == 2, "the second order was not even put"


def test_where_all_accounts_have_reached_their_limit_the_caller_hears_until_when(
    start: Start, emulator: Upstream
) -> None:
    api = start()
    emulator.push(NO_MORE)
    with sdk(api) as client, pytest.raises(openai.RateLimitError) as caught:
        client.images.generate(prompt="A moon")
    assert int(caught.value.response.headers["retry-after"]) == 3 * 3600 + 12 * 60


def test_the_same_holds_for_a_stream(web: Api, emulator: Upstream) -> None:
    emulator.push(NO_MORE)
    with sdk(web) as client:
        events = list(client.images.generate(prompt="A moon", stream=True))
    assert [event.type for event in events] == ["image_generation.completed"]


def test_a_caller_without_a_login_is_told_so(start: Start) -> None:
    api = start(auth_tokens=(), accounts=(), anonymous=True)
    with sdk(api) as client, pytest.raises(openai.PermissionDeniedError) as caught:
        client.images.generate(prompt="A moon", extra_headers={"Authorization": openai.Omit()})
    assert caught.value.code == "login_required"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "prompt"),
        ({"prompt": " "}, "prompt"),
        ({"prompt": "x", "n": 0}, "n"),
        ({"prompt": "x", "n": 5}, "n"),
        ({"prompt": "x", "size": "big"}, "size"),
        ({"prompt": "x", "output_format": "gif"}, "output_format"),
        ({"prompt": "x", "output_format": "webp"}, "output_format"),
        ({"prompt": "x", "svg": {"model": "y"}}, "svg"),
    ],
    ids=str,
)
def test_what_cannot_be_had_is_refused_by_name(web: Api, body: Any, param: str) -> None:
    response = web.post(body, "/v1/images/generations")
    assert response.status_code == 400
    assert response.json()["error"]["param"] == param


# ---------------------------------------------------------------------- drawn, and not to be had


def turns(emulator: Upstream) -> int:
    return sum(call.place == "conversation" for call in emulator.app.log.records)


FAULTS = [
    ("downloads", Respond(403, '{"detail": "No."}'), 403, "download_forbidden"),
    ("downloads", Named("502"), 502, "download_upstream_error"),
    ("downloads", Respond(200, "<html>Hello"), 502, "download_unreadable"),
]


@pytest.mark.parametrize("form", ["b64_json", "b64_json, streamed"])
@pytest.mark.parametrize(("place", "fault", "status", "code"), FAULTS)
def test_a_picture_that_cannot_be_loaded_is_not_drawn_again(
    web: Api, emulator: Upstream, place: Any, fault: Any, status: int, code: str, form: str
) -> None:
    emulator.push(At(place, fault, times=100))
    wish = {"prompt": "A moon", "stream": form.endswith("streamed")}
    response = web.post(wish, "/v1/images/generations")

    assert turns(emulator) == 1, "each turn would cost a picture"
    if wish["stream"]:
        assert f'"code":"{code}"' in response.text
        assert "image_generation.completed" not in response.text
    else:
        error = response.json()["error"]
        assert (response.status_code, error["code"], error["stage"]) == (status, code, "download")


@pytest.mark.parametrize("name", ["web", "codex"])
def test_the_official_client_does_not_order_a_second_time_what_was_begun(
    request: pytest.FixtureRequest, emulator: Upstream, name: str
) -> None:
    api: Api = request.getfixturevalue(name)
    if name == "web":
        emulator.push(At("downloads", Named("502"), times=100))
    else:
        emulator.push(Reply((Image(previews=1),)), At("stream", Interrupt("cut", after=4)))
    with sdk(api, max_retries=2) as client, pytest.raises(openai.InternalServerError) as caught:
        client.images.generate(prompt="A moon")
    assert caught.value.response.headers["x-should-retry"] == "false"
    orders = [c for c in emulator.app.log.records if c.place in ("conversation", "codex")]
    assert len(orders) == 1, "each one would cost a picture"


def test_where_nothing_was_begun_the_official_client_may_ask_again(
    start: Start, emulator: Upstream
) -> None:
    api = start(retry_times=0)
    emulator.push(At("conversation", Named("502")))
    with sdk(api, max_retries=1) as client:
        assert client.images.generate(prompt="A moon").data
    assert turns(emulator) == 2


@pytest.mark.parametrize("announced", [True, False])
def test_a_picture_in_the_background_that_is_lost_sight_of_is_not_ordered_again(
    web: Api, emulator: Upstream, *, announced: bool
) -> None:
    emulator.push(
        Reply((Image(polls=1000),)),
        At("history", Named("502"), times=100),
    )
    if not announced:
        emulator.push(At("stream", Interrupt("end", after=2)))
        emulator.push(At("resume", Respond(404, '{"detail": "Gone."}'), times=100))
    with sdk(web, max_retries=2) as client, pytest.raises(openai.InternalServerError) as caught:
        client.images.generate(prompt="A moon")
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert turns(emulator) == 1, "it is still being drawn"


def test_a_download_that_fails_is_repeated_in_place(web: Api, emulator: Upstream) -> None:
    emulator.push(At("downloads", Named("502")), At("downloads", Named("403")))
    with sdk(web) as client:
        answer = client.images.generate(prompt="A moon", size="64x48")
    assert answer.data is not None
    assert size_of(answer.data[0].b64_json) == (64, 48)
    assert turns(emulator) == 1


@pytest.mark.parametrize("kept", [True, False])
def test_a_picture_in_the_background_comes_though_the_model_had_the_last_word(
    start: Start, emulator: Upstream, *, kept: bool
) -> None:
    api = start(history_disabled=not kept)
    emulator.push(Reply((Image(title="A moon", polls=2), Say(("Here it is.",)))))
    message = api.ask()["choices"][0]["message"]["content"]

    assert message.startswith("Here it is.")
    assert (f"![A moon]({api.url}/media/" in message) is kept, "a temporary chat shows it nowhere"


def test_a_picture_in_the_background_of_a_temporary_chat_is_refused_at_once(
    start: Start, emulator: Upstream
) -> None:
    api = start(retry_times=3)
    emulator.push(Reply((Image(title="A moon", polls=2),)))
    body = {"model": "auto", "messages": [{"role": "user", "content": "Draw a moon."}]}
    response = api.post(body)

    assert response.status_code == 400, response.text
    assert response.json()["error"]["stage"] == "picture"
    assert "history_disabled: false" in response.json()["error"]["message"]
    assert turns(emulator) == 1


# ------------------------------------------------------------------------------------ /v1/responses


@pytest.mark.parametrize(
    ("option", "value"),
    [("size", "huge"), ("quality", "hd"), ("partial_images", 9), ("output_format", "gif")],
)
def test_a_wrong_option_of_the_tool_is_refused_though_it_need_not_be_used(
    either: Api, emulator: Upstream, option: str, value: object
) -> None:
    tools = [{"type": "web_search"}, {"type": "image_generation", option: value}]
    response = either.post({"input": "Hello", "tools": tools}, "/v1/responses")

    assert response.status_code == 400
    assert response.json()["error"]["param"] == f"tools[1].{option}"
    assert turns(emulator) == 0


TOOL: Any = {"type": "image_generation", "size": "64x32", "partial_images": 1}
ORDER: Any = {"type": "image_generation"}


def test_the_tool_of_a_response_makes_an_item(either: Api) -> None:
    with sdk(either) as client:
        response = client.responses.create(
            model="auto", input="A moon", tools=[TOOL], tool_choice=ORDER
        )
    drawn = [item for item in response.output if item.type == "image_generation_call"]
    assert [item.status for item in drawn] == ["completed"]
    assert size_of(drawn[0].result) == (64, 32)


def test_the_tool_of_a_response_has_the_official_events(codex: Api, emulator: Upstream) -> None:
    emulator.push(Reply((Image(title="A moon"),)))
    with sdk(codex) as client:
        stream = client.responses.create(
            model="auto", input="A moon", tools=[TOOL], tool_choice=ORDER, stream=True
        )
        kinds = [event.type.removeprefix("response.") for event in stream]
    assert kinds == [
        "created",
        "in_progress",
        "output_item.added",
        "image_generation_call.in_progress",
        "image_generation_call.generating",
        "image_generation_call.partial_image",
        "image_generation_call.completed",
        "output_item.done",
        "completed",
    ]


def test_the_events_of_a_picture_from_the_web_are_the_same(web: Api, emulator: Upstream) -> None:
    emulator.push(Reply((Image(title="A moon", previews=2, width=50, height=40),)))
    with sdk(web) as client:
        stream = client.responses.create(
            model="auto", input="A moon", tools=[TOOL], tool_choice=ORDER, stream=True
        )
        events = list(stream)
    kinds = [event.type.removeprefix("response.") for event in events]
    assert kinds[2:8] == [
        "output_item.added",
        "image_generation_call.in_progress",
        "image_generation_call.generating",
        "image_generation_call.completed",
        "output_item.done",
        "completed",
    ]
    (done,) = [event for event in events if event.type == "response.output_item.done"]
    item: Any = done.item
    assert size_of(item.result) == (50, 40)


def test_a_picture_in_a_chat_with_the_tool_is_an_item_as_well(web: Api, emulator: Upstream) -> None:
    emulator.push(Reply((Say(("Here: ",)), Image(title="A moon", width=50, height=40))))
    with sdk(web) as client:
        response = client.responses.create(model="auto", input="A moon, please", tools=[TOOL])
    assert [item.type for item in response.output] == ["message", "image_generation_call"]
    assert response.output_text == "Here: "


def test_an_ordinary_chat_shows_its_pictures_as_markdown(start: Start, emulator: Upstream) -> None:
    api = start(history_disabled=False)
    emulator.push(Reply((Image(title="A moon"),)))
    with sdk(api) as client:
        response = client.responses.create(model="auto", input="A moon, please")
    assert [item.type for item in response.output] == ["message"]
    assert f"![A moon]({api.url}/media/" in response.output_text


def test_a_picture_of_an_earlier_answer_can_be_worked_on(either: Api, emulator: Upstream) -> None:
    with sdk(either) as client:
        first = client.responses.create(
            model="auto", input="A moon", tools=[TOOL], tool_choice=ORDER
        )
        later = client.responses.create(
            model="auto",
            previous_response_id=first.id,
            input="Make it blue",
            tools=[TOOL],
            tool_choice=ORDER,
        )
    assert any(item.type == "image_generation_call" for item in later.output)
    (drawn,) = [item for item in first.output if item.type == "image_generation_call"]
    sent = [call.body for call in emulator.app.log.records if call.place in ("codex", "blob")]
    assert any(base64.b64decode(str(drawn.result)) in body or str(drawn.result).encode() in body
               for body in sent)  # fmt: skip

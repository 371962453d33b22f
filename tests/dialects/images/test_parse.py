"""Requests for pictures: what they ask for, and what is wrong with them."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.dialects.images import Images, ImagesRequest, read_form
from chat2api_core.problem import Kind, Problem
from chat2api_core.turn import Image, Text

Parse = Callable[..., ImagesRequest]
URL = "data:image/png;base64,AAAA"
MASK = "data:image/png;base64,BBBB"


def options(request: ImagesRequest) -> dict[str, Any]:
    (tool,) = request.prompt.hosted
    assert tool.kind == request.prompt.tool_choice.hosted == "image_generation"
    return dict(tool.options)


def test_a_prompt_alone_is_an_order_for_one_picture(parse: Parse) -> None:
    request = parse()
    assert request.prompt.messages[0].text == "A moon"
    assert options(request) == {"action": "generate", "model": "gpt-image-2"}
    assert (request.n, request.form, request.stream) == (1, "b64_json", False)
    assert request.prompt.media.inline


def test_every_option_reaches_the_tool(parse: Parse) -> None:
    request = parse(
        "edits",
        model="codex/gpt-image-2.5-flare",
        size="1536x1024",
        quality="high",
        background="opaque",
        output_format="webp",
        output_compression=50,
        moderation="low",
        input_fidelity="high",
        partial_images=2,
        mask=MASK,
        n=3,
        stream=True,
    )
    assert options(request) == {
        "action": "edit",
        "model": "gpt-image-2.5-flare",
        "size": "1536x1024",
        "quality": "high",
        "background": "opaque",
        "output_format": "webp",
        "output_compression": 50,
        "moderation": "low",
        "input_fidelity": "high",
        "partial_images": 2,
        "input_image_mask": {"image_url": MASK},
    }
    assert request.prompt.model == "codex/gpt-image-2.5-flare"
    assert (request.n, request.stream, request.size) == (3, True, "1536x1024")


@pytest.mark.parametrize("model", ["gpt-image-1", "dall-e-3", "gpt-5.5", "chatgpt-image-latest"])
def test_a_model_that_the_tool_does_not_have_is_left_to_it(parse: Parse, model: str) -> None:
    assert "model" not in options(parse(model=model))


@pytest.mark.parametrize(
    ("fields", "form", "inline"),
    [
        ({"model": "dall-e-3"}, "url", False),
        ({"model": "dall-e-3", "response_format": "b64_json"}, "b64_json", True),
        ({"model": "gpt-image-2", "response_format": "url"}, "url", False),
        ({"response_format": "url", "stream": True}, "b64_json", True),
        ({"model": "dall-e-3", "stream": True}, "b64_json", True),
    ],
    ids=str,
)
def test_how_pictures_go_out(parse: Parse, fields: Any, form: str, inline: bool) -> None:
    request = parse(**fields)
    assert (request.form, request.prompt.media.inline) == (form, inline)


@pytest.mark.parametrize(
    ("quality", "meant"), [("standard", None), ("hd", "high"), ("auto", None), ("low", "low")]
)
def test_older_words_for_quality_are_understood(
    parse: Parse, quality: str, meant: str | None
) -> None:
    assert options(parse(quality=quality)).get("quality") == meant


def test_a_style_is_said_in_words(parse: Parse) -> None:
    assert "dramatic" in parse(style="vivid").prompt.messages[0].text
    assert "less hyper-real" in parse(style="natural").prompt.messages[0].text


def test_pictures_stand_before_the_words_and_have_names(parse: Parse) -> None:
    request = parse("edits", image=[URL, "https://m.example/a.png"], images=[{"file_id": "f-1"}])
    assert request.prompt.messages[0].parts == (
        Image(URL),
        Image("https://m.example/a.png"),
        Image(file_id="f-1"),
        Text("A moon"),
    )
    assert request.places == ("image[0]", "image[1]", "image[2]")


def test_a_variation_has_words_of_ours_if_there_are_none(parse: Parse) -> None:
    assert "variation" in parse("variations", prompt=None).prompt.messages[0].text
    assert parse("variations", prompt="In blue").prompt.messages[0].text == "In blue"


@pytest.mark.parametrize(
    ("route", "fields", "param", "kind"),
    [
        ("generations", {"prompt": None}, "prompt", Kind.INVALID_REQUEST),
        ("generations", {"prompt": " \n"}, "prompt", Kind.INVALID_REQUEST),
        ("generations", {"prompt": "x" * 32_001}, "prompt", Kind.INVALID_REQUEST),
        ("generations", {"image": URL}, "image", Kind.UNSUPPORTED_PARAMETER),
        ("generations", {"mask": MASK}, "mask", Kind.UNSUPPORTED_PARAMETER),
        ("variations", {"mask": MASK}, "mask", Kind.UNSUPPORTED_PARAMETER),
        ("edits", {"image": None}, "image", Kind.INVALID_REQUEST),
        ("edits", {"image": [URL] * 17}, "image", Kind.INVALID_REQUEST),
        ("edits", {"image": "file:///etc/passwd"}, "image[0]", Kind.INVALID_REQUEST),
        ("edits", {"image": {}}, "image[0]", Kind.INVALID_REQUEST),
        ("edits", {"mask": {"file_id": "f-1"}}, "mask", Kind.UNSUPPORTED_PARAMETER),
        ("edits", {"mask": "https://m.example/m.png"}, "mask", Kind.UNSUPPORTED_PARAMETER),
        ("generations", {"n": 0}, "n", Kind.INVALID_REQUEST),
        ("generations", {"n": 11}, "n", Kind.INVALID_REQUEST),
        ("generations", {"n": 5}, "n", Kind.UNSUPPORTED_PARAMETER),
        ("generations", {"n": "2"}, "n", Kind.INVALID_REQUEST),
        ("generations", {"size": "1024"}, "size", Kind.INVALID_REQUEST),
        ("generations", {"quality": "best"}, "quality", Kind.INVALID_REQUEST),
        ("generations", {"partial_images": 4}, "partial_images", Kind.INVALID_REQUEST),
        ("generations", {"output_format": "svg"}, "output_format", Kind.UNSUPPORTED_PARAMETER),
        ("generations", {"output_compression": 9}, "output_compression", Kind.INVALID_REQUEST),
        (
            "generations",
            {"background": "transparent", "output_format": "jpeg"},
            "background",
            Kind.INVALID_REQUEST,
        ),
    ],
    ids=str,
)
def test_what_is_wrong_is_named(
    parse: Parse, route: str, fields: Any, param: str, kind: Kind
) -> None:
    with pytest.raises(Problem) as caught:
        parse(route, **fields)
    assert (caught.value.param, caught.value.kind) == (param, kind)


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'"x"', b"\xff", b"[" * 5000])
def test_what_is_no_object_is_refused(raw: bytes) -> None:
    with pytest.raises(Problem) as caught:
        Images("generations").parse(raw)
    assert caught.value.kind is Kind.INVALID_REQUEST


@given(st.binary(max_size=200))
def test_whatever_the_bytes_are_only_a_problem_comes_out(raw: bytes) -> None:
    with suppress(Problem):
        Images("edits").parse(raw)


def test_a_form_says_the_same_as_json(parse: Parse) -> None:
    fields = {"prompt": ["no", "A moon"], "n": ["2"], "stream": ["true"], "partial_images": ["1"]}
    form = read_form(fields, {"image": [URL, MASK], "mask": [MASK]})
    asked = parse("edits", image=[URL, MASK], mask=MASK, n=2, stream=True, partial_images=1)
    assert Images("edits").order(form) == asked


def test_a_form_may_hold_addresses_instead_of_files(parse: Parse) -> None:
    form = read_form({"prompt": ["A moon"], "image": ["https://m.example/a.png"]}, {})
    assert Images("edits").order(form) == parse("edits", image="https://m.example/a.png")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"n": ["two"]}, "n"),
        ({"n": ["-1"]}, "n"),
        ({"n": ["9" * 20]}, "n"),
        ({"stream": ["maybe"]}, "stream"),
        ({"quality": ["best"]}, "quality"),
        ({"markup": ["x"]}, "markup"),
    ],
    ids=str,
)
def test_what_is_wrong_in_a_form_is_named(fields: Any, param: str) -> None:
    with pytest.raises(Problem) as caught:
        read_form({"prompt": ["A moon"], **fields}, {})
    assert caught.value.param == param


def test_the_dialect_has_a_name() -> None:
    assert Images("edits").name == "images"

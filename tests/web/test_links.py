"""What links in answers begin with."""

import pytest
from starlette.datastructures import Headers

from chat2api_core.config import Settings
from chat2api_core.web.links import media_links


@pytest.mark.parametrize(
    ("headers", "scheme", "base"),
    [
        ({"host": "gate.example"}, "https", "https://gate.example/media/"),
        ({"host": "127.0.0.1:3040"}, "http", "http://127.0.0.1:3040/media/"),
        ({"host": "[::1]:3040"}, "http", "http://[::1]:3040/media/"),
        ({"host": "in", "x-forwarded-proto": "https"}, "http", "https://in/media/"),
        (
            {
                "host": "in",
                "x-forwarded-host": "out.example, in",
                "x-forwarded-proto": "https,http",
            },
            "http",
            "https://out.example/media/",
        ),
        ({}, "http", ""),
        ({"host": ""}, "http", ""),
        ({"host": "a b"}, "http", ""),
        ({"host": "a/../b"}, "http", ""),
        ({"host": "user@host"}, "http", ""),
        ({"host": "a)](x"}, "http", ""),
        ({"host": "a", "x-forwarded-proto": "javascript"}, "http", ""),
    ],
)
def test_the_request_says_where_the_gateway_is(
    headers: dict[str, str], scheme: str, base: str
) -> None:
    assert media_links(Settings(), Headers(headers), scheme) == base


def test_the_prefix_stands_in_front() -> None:
    settings = Settings(api_prefix="/x")
    assert media_links(settings, Headers({"host": "h"}), "http") == "http://h/x/media/"


def test_the_setting_goes_first() -> None:
    settings = Settings(public_url="https://gate.example/", api_prefix="/x")
    assert media_links(settings, Headers({"host": "h"}), "http") == "https://gate.example/x/media/"


def test_a_stage_stands_before_the_prefix_but_not_behind_the_setting() -> None:
    headers = Headers({"host": "id.example"})
    settings = Settings(api_prefix="/x")
    links = media_links(settings, headers, "https", mount="/prod")
    assert links == "https://id.example/prod/x/media/"

    told = Settings(public_url="https://gate.example/base")
    links = media_links(told, headers, "https", mount="/prod")
    assert links == "https://gate.example/base/media/"

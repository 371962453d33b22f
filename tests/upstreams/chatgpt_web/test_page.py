"""Reading the home page."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.upstreams.chatgpt_web.page import FALLBACK_PAGE, Page, read_page

BASE = "https://chatgpt.com"
SDK = f"{BASE}/backend-api/sentinel/sdk.js"
PROD = "prod-00112233445566778899aabbccddeeff00112233"
HEX = "00112233445566778899aabbccddeeff00112233"


def script(source: str) -> str:
    return f'<script src="{source}"></script>'


@pytest.mark.parametrize(
    ("situation", "html", "scripts", "build"),
    [
        (
            "today's page",
            f'<!DOCTYPE html><html data-build="{PROD}" lang="en-US"><head>'
            '<script src="https://cdn.oaistatic.com/assets/root-demo.js"></script>'
            f'<script src="{SDK}"></script></head><body></body></html>',
            ("https://cdn.oaistatic.com/assets/root-demo.js", SDK),
            PROD,
        ),
        ("nothing", "", (SDK,), ""),
        ("no page at all", "{}", (SDK,), ""),
        ("inline scripts only", "<script>var src='x'</script>", (SDK,), ""),
        ("a path", script("/a/b.js"), (f"{BASE}/a/b.js",), ""),
        ("a path without a slash", script("b.js"), (f"{BASE}/b.js",), ""),
        ("another host", script("//cdn.example/b.js"), ("https://cdn.example/b.js",), ""),
        ("a broken host", script("http://[x/b.js"), (SDK,), ""),
        ("an empty source", script(""), (SDK,), ""),
        ("an escaped source", script("/a?b=1&amp;c=2"), (f"{BASE}/a?b=1&c=2",), ""),
        ("single quotes", "<script async src='/a.js' >", (f"{BASE}/a.js",), ""),
        ("no quotes", "<SCRIPT defer SRC=/a.js></SCRIPT>", (f"{BASE}/a.js",), ""),
        ("an attribute that only ends in src", '<script data-src="/a.js">', (SDK,), ""),
        ("another tag", '<scripture src="/a.js"><img src="/b.js">', (SDK,), ""),
        ("the build in a path", script("/c/4f2a/_ssg.js"), (f"{BASE}/c/4f2a/_ssg.js",), "c/4f2a/_"),
        (
            "the path before the attribute",
            f'<html data-build="{PROD}">' + script("/x.js") + script("/c/1/_a.js"),
            (f"{BASE}/x.js", f"{BASE}/c/1/_a.js"),
            "c/1/_",
        ),
        (
            "the first of two paths",
            script("/c/1/_a.js") + script("/c/2/_a.js"),
            (f"{BASE}/c/1/_a.js", f"{BASE}/c/2/_a.js"),
            "c/1/_",
        ),
        (
            "an older page",
            script(f"/x.js?dpl={HEX}"),
            (f"{BASE}/x.js?dpl={HEX}",),
            f"dpl={HEX}",
        ),
        ("html without a build", '<html lang="en">' + script("/x.js"), (f"{BASE}/x.js",), ""),
    ],
)
def test_scripts_and_build_are_read(
    situation: str, html: str, scripts: tuple[str, ...], build: str
) -> None:
    assert read_page(html, BASE) == Page(scripts, build), situation


def test_addresses_are_made_absolute_for_the_site_that_was_asked() -> None:
    page = read_page(script("/a.js"), "https://gateway.example/")
    assert page.scripts == ("https://gateway.example/a.js",)
    assert read_page("", "https://gateway.example/").scripts == (
        "https://gateway.example/backend-api/sentinel/sdk.js",
    )


def test_the_fallback_is_what_an_empty_page_gives() -> None:
    assert read_page("", BASE) == FALLBACK_PAGE


def test_a_page_of_scripts_is_read_up_to_a_limit() -> None:
    assert len(read_page(script("/a.js") * 1000, BASE).scripts) == 64


def test_an_endless_address_is_left_out() -> None:
    assert read_page(script("/" + "a" * 3000) + script("/b.js"), BASE).scripts == (f"{BASE}/b.js",)


def test_hostile_pages_are_read_in_one_pass() -> None:
    # Each of these took minutes with expressions that look further than one tag.
    for piece in ("<script ", "<script src=", "<html ", "<script" + " " * 5000):
        assert read_page(piece * (1_000_000 // len(piece)), BASE).scripts == (SDK,)


@given(st.text() | st.lists(st.sampled_from(
    ["<script", " src", "=", '"', "'", "<html", " data-build", ">", "<", "/c/1/_", "//[", "a", " "]
)).map("".join))  # fmt: skip
def test_any_text_gives_a_page(html: str) -> None:
    page = read_page(html, BASE)
    assert 1 <= len(page.scripts) <= 64
    assert all(url for url in page.scripts)
    assert len(page.build) <= 2048

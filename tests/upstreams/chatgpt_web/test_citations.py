"""Marks in growing text: found whole, held back while unfinished, never shown in pieces."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat2api_core.upstreams.chatgpt_web.citations import Marker, Scanner, begins_no_mark
from chat2api_core.upstreams.chatgpt_web.sources import (
    Link,
    Source,
    Sources,
    listed,
    without_source,
)

CITE = "\ue200cite\ue202turn0search1\ue202turn0news2\ue201"
OLD = "【12†source】"


def scan(*pieces: str) -> list[str | Marker]:
    """The tokens of a text, adjacent texts joined, with what is left at the end."""
    scanner = Scanner()
    end = 0
    tokens: list[str | Marker] = []
    for piece in pieces:
        end += len(piece)
        tokens += scanner.feed(piece, end)
    tokens.append(scanner.close())
    joined: list[str | Marker] = []
    for token in tokens:
        if isinstance(token, str) and joined and isinstance(joined[-1], str):
            joined[-1] += token
        else:
            joined.append(token)
    return [token for token in joined if token]


def marker(text: str) -> Marker:
    (found,) = scan(text)
    assert isinstance(found, Marker)
    return found


# piece in, exactly the text that comes out of it; a mark shows as its kind in angle brackets
STEPS: list[tuple[str, list[tuple[str, str]], str]] = [
    ("plain text leaves at once", [("Io is", "Io is"), (" hot", " hot")], ""),
    ("a mark in one piece", [(f"a {CITE}b", "a <cite>b")], ""),
    ("a mark in many pieces", [("a \ue200", "a "), ("ci", ""), ("te\ue202t", ""),
                               ("\ue201 b", "<cite> b")], ""),
    ("two marks in a row", [(CITE + CITE, "<cite><cite>")], ""),
    ("highlights lose their delimiters", [("a \ue203b\ue204 c", "a b c")], ""),
    ("stray delimiters are dropped", [("a\ue201b\ue202c\ue205\ue206", "abc")], ""),
    ("an unfinished mark is dropped at the end", [("a \ue200cite\ue202turn0", "a ")], ""),
    ("an old mark in one piece", [(f"a{OLD}b", "a<old>b")], ""),
    ("an old mark in many pieces", [("a【", "a"), ("1", ""), ("2†", ""), ("sou", ""),
                                    ("rce】.", "<old>.")], ""),
    ("an old mark with two numbers", [("【4:0†a.pdf】", "<old>")], ""),
    ("a bracket of another use leaves with its first letter", [("【", ""), ("注", "【注"),
                                                               ("意】", "意】")], ""),
    ("a bracket with a number only is text", [("【1", ""), ("2】", "【12】")], ""),
    ("a line end ends the hope for a mark", [("【1†a", ""), ("\nb", "【1†a\nb")], ""),
    ("an unfinished bracket is text at the end", [("a【12†so", "a")], "【12†so"),
    ("a bracket within a bracket", [("【【1†x】", "【<old>")], ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("steps", "rest"), [step[1:] for step in STEPS], ids=[step[0] for step in STEPS]
)
def test_text_is_scanned_step_by_step(steps: list[tuple[str, str]], rest: str) -> None:
    scanner = Scanner()
    end = 0
    for piece, expected in steps:
        end += len(piece)
        tokens = scanner.feed(piece, end)
        assert expected == "".join(
            f"<{token.kind}>" if isinstance(token, Marker) else token for token in tokens
        )
    assert rest == scanner.close()


def test_a_mark_knows_its_place_and_parts() -> None:
    assert scan("Io ", CITE[:3], CITE[3:], " and", OLD) == [
        "Io ",
        Marker(CITE, 3, "cite", ("turn0search1", "turn0news2"), "turn0search1\ue202turn0news2"),
        " and",
        Marker(OLD, 3 + len(CITE) + 4, "old", ("12",), "source"),
    ]


def test_a_mark_that_never_ends_is_not_waited_for() -> None:
    text = "\ue200" + "x" * 9000
    assert scan(text) == ["x" * 9000]
    assert scan(*text) == ["x" * 9000]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        # It was once handed out with the beginning of a new mark in it.
        ("【1†\ue200", ["【1†"]),
        ("【1†a\ue203b】", ["【1†ab】"]),
    ],
)
def test_an_old_mark_has_nothing_of_a_new_one_in_it(text: str, left: list[str]) -> None:
    assert scan(text) == left
    assert "".join(map(str, scan(*text))) == "".join(left)


def test_text_without_marks_is_known_as_such() -> None:
    assert begins_no_mark("月亮")
    assert not begins_no_mark("【")
    assert not begins_no_mark("\ue204")


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from([*"\ue200\ue201\ue202\ue203【】†:1a \n", "cite", CITE, OLD]), max_size=30
    ),
    st.data(),
)
def test_the_cut_of_the_text_does_not_matter(tokens: list[str], data: st.DataObject) -> None:
    text = "".join(tokens)
    places = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    pieces = [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]
    assert scan(*pieces) == scan(text)
    assert "".join(
        token.text if isinstance(token, Marker) else token for token in scan(*pieces)
    ) == "".join(scanned(text))


def scanned(text: str) -> list[str]:
    """What must be left of a text: all of it, but for delimiters outside of whole marks."""
    left: list[str] = []
    while text:
        end = text.find("\ue201")
        if text[0] == "\ue200":
            left.append(text[: end + 1])
            text = text[end + 1 :] if end >= 0 else ""
        else:
            left.append("" if "\ue201" <= text[0] <= "\ue206" else text[0])
            text = text[1:]
    return left


# ------------------------------------------------------------------------------------- sources

TITAN = Source("https://moons.example/titan", "Titan", "Moons")
NEWS = Source("https://www.news.example/a(b) c", "News [today]", "news.example")


def known() -> Sources:
    sources = Sources()
    sources.learn(
        "m",
        "in_progress",
        {
            "search_result_groups": [
                {
                    "entries": [
                        entry(TITAN.url, "Titan", "search", 1, attribution="Moons"),
                        entry(NEWS.url, "News [today]", "news", 2),
                        entry("javascript:alert(1)", "Bad", "search", 3),
                        entry("https://[broken", "Broken", "search", 4),
                        entry("https://untitled.example/x", "", "search", 5),
                    ]
                }
            ]
        },
    )
    return sources


def entry(url: str, title: str, kind: str, index: int, **more: str) -> dict[str, object]:
    reference = {"turn_index": 0, "ref_type": kind, "ref_index": index}
    return {"url": url, "title": title, "ref_id": reference, **more}


def text(rendering: tuple[str | Link, ...] | None) -> str | None:
    if rendering is None:
        return None
    return "".join(piece.text if isinstance(piece, Link) else piece for piece in rendering)


def mark(kind: str, *parts: str) -> Marker:
    return marker("\ue200" + kind + "".join(f"\ue202{part}" for part in parts) + "\ue201")


NEWS_LINK = "https://www.news.example/a%28b%29%20c"
RENDERED: list[tuple[str, Marker, str | None]] = [
    ("a citation is a link in brackets", mark("cite", "turn0search1"),
     "([Moons](https://moons.example/titan))"),
    ("each reference has its own", mark("cite", "turn0search1", "turn0news2"),
     f"([Moons](https://moons.example/titan)) ([news.example]({NEWS_LINK}))"),
    ("the same page once", mark("cite", "turn0search1", "turn0search1"),
     "([Moons](https://moons.example/titan))"),
    ("an unknown reference is not known yet", mark("cite", "turn9search9"), None),
    ("a page without an address is none", mark("cite", "turn0search3"), None),
    ("a page with a broken address is none", mark("cite", "turn0search4"), None),
    ("a link has a label", mark("url", "the [page]", "turn0news2"),
     f"[the \\[page\\]]({NEWS_LINK})"),
    ("a link may hold the address itself", mark("url", "here", "https://x.example/"),
     "[here](https://x.example/)"),
    ("a link without a label has the title", mark("url", "turn0search1"),
     "[Titan](https://moons.example/titan)"),
    ("a list of links", mark("navlist", "More", "turn0search1,turn0search5"),
     "\n- [Titan](https://moons.example/titan)"
     "\n- [untitled.example](https://untitled.example/x)"),
    ("an entity is its name", marker('\ue200entity["moon","Io","of Jupiter"]\ue201'), "Io"),
    ("an entity of one word", mark("entity", '["Io"]'), "Io"),
    ("an entity that is not readable", mark("entity", "Io"), ""),
    ("an entity that is too deep", mark("entity", "[" * 5000), ""),
    ("pictures are nothing", marker('\ue200image_group{"query":["Io"]}\ue201'), ""),
    ("unknown kinds are nothing", mark("forecast", "turn0search1"), ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("mark", "expected"), [case[1:] for case in RENDERED], ids=[case[0] for case in RENDERED]
)
def test_a_mark_reads_as(mark: Marker, expected: str | None) -> None:
    assert expected == text(known().render("m", mark))


def reference(matched: str, **more: object) -> dict[str, object]:
    return {"content_references": [{"matched_text": matched, "type": "grouped_webpages", **more}]}


def test_references_say_more_than_search_results() -> None:
    sources = known()
    found = mark("cite", "turn0search1")
    item = {"url": "https://b.example/", "title": "B", "attribution": "Bee"}
    assert sources.learn("m", "done", reference(found.text, items=[item, {"url": "no"}]))
    assert sources.render("m", found) == (
        Link("([Bee](https://b.example/))", Source("https://b.example/", "B", "Bee")),
    )


def test_a_reference_may_be_hidden_or_have_ready_text_or_a_name() -> None:
    sources = known()
    cite, file, bare = mark("cite", "turn0search1"), mark("filecite", "f"), mark("filecite", "g")
    video = mark("i", "x")
    sources.learn("a", "", reference(cite.text, type="hidden"))
    sources.learn("b", "", reference(file.text, type="file", name="a\nb.pdf"))
    sources.learn("c", "", reference(video.text, alt="(a video)"))
    sources.learn("d", "", reference(bare.text))
    sources.learn("e", "", reference(" ", type="sources_footnote", alt="no"))
    assert text(sources.render("m", cite)) == ""
    assert text(sources.render("m", file)) == "(a b.pdf)"
    assert text(sources.render("m", video)) == "(a video)"
    assert sources.render("m", bare) is None


def test_what_was_learned_is_read_again_only_when_it_has_changed() -> None:
    sources = Sources()
    found = mark("cite", "turn0search1")
    first = reference(found.text, items=[{"url": "https://a.example/"}])
    assert sources.learn("m", "in_progress", first)
    assert not sources.learn("m", "in_progress", first)
    assert sources.learn("m", "finished_successfully", first)
    assert not sources.learn("m", "in_progress", {"citations": "none", "content_references": []})


def citation(start: object, metadata: dict[str, object]) -> dict[str, object]:
    return {"start_ix": start, "end_ix": 0, "metadata": metadata}


def test_an_old_mark_is_found_by_its_place_or_its_number() -> None:
    sources = Sources()
    page: dict[str, object] = {"url": "https://a.example/x", "title": "A"}
    numbered: dict[str, object] = {
        "url": "https://b.example/",
        "title": "B",
        "extra": {"cited_message_idx": 7},
    }
    entries = [
        citation(3, page),
        citation(None, numbered),
        citation(9, {"name": "a.pdf"}),
        citation(11, {}),
    ]
    sources.learn("m", "", {"citations": entries})

    def at(place: int, number: str = "12", message: str = "m") -> str | None:
        return text(sources.render(message, Marker(OLD, place, "old", (number,), "source")))

    assert at(3) == "([a.example](https://a.example/x))"
    assert at(99, "7") == "([b.example](https://b.example/))"
    assert at(9) == "(a.pdf)"
    assert at(11) is None
    assert at(3, message="another") is None


def test_a_mark_that_stays_unknown_leaves_the_label_of_a_link() -> None:
    assert without_source(mark("url", "the page", "turn0news9")) == "the page"
    assert without_source(mark("url", "turn0news9")) == ""
    assert without_source(mark("cite", "turn0news9", "x")) == ""


def test_a_listed_source_is_a_link_with_its_title() -> None:
    assert listed(TITAN) == Link("[Titan](https://moons.example/titan)", TITAN)

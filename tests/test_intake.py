"""Pictures and files of requests, made ready for an upstream."""

import asyncio
import base64
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.carried import carries_media, media_of
from chat2api_core.fetch.fetcher import Fetched
from chat2api_core.intake import Bring, Intake
from chat2api_core.intake.texts import split_urls
from chat2api_core.kept.files import Held
from chat2api_core.media.asset import Asset, read
from chat2api_core.problem import Kind, Problem
from chat2api_core.turn import File, Image, Message, Part, Prompt, Text, Thread, ToolResult

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (4).to_bytes(4) + (3).to_bytes(4) + b"\x08\x02\0\0\0"
LIMIT = 1000


def data_url(mime: str, data: bytes) -> str:
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


CAT = data_url("image/png", PNG)
PDF = data_url("application/pdf", b"%PDF-1.7")


class FakeWeb:
    """What URLs show: bytes with a type and a name, a page (None), or a refusal."""

    def __init__(self, **shown: Fetched | Problem | None) -> None:
        self.shown = {f"https://{name}.example/": what for name, what in shown.items()}
        self.asked: list[tuple[str, str]] = []

    async def fetch(self, url: str, *, only: str = "") -> Fetched:
        found = await self._find(url, only)
        assert found is not None
        return found

    async def fetch_file(self, url: str) -> Fetched | None:
        return await self._find(url, "file")

    async def _find(self, url: str, only: str) -> Fetched | None:
        self.asked.append((url, only))
        await asyncio.sleep(0)
        found = self.shown[url]
        if isinstance(found, Problem):
            raise found
        return found


class FakeFiles:
    """Uploaded files by their ids, for one owner."""

    def __init__(self, **held: Held) -> None:
        self.held = held

    async def resolve(self, file_id: str, owner: str) -> Held:
        if owner != "me" or file_id not in self.held:
            raise Problem(Kind.NOT_FOUND, "There is no such file.", param="file_id")
        return self.held[file_id]


NOT_THERE = Problem(Kind.INVALID_REQUEST, "The URL at gone.example cannot be fetched.")
WEB: dict[str, Fetched | Problem | None] = {
    "cat": Fetched(PNG, "image/png", "cat.png"),
    "vague": Fetched(PNG, "application/octet-stream", ""),
    "report": Fetched(b"%PDF-1.7", "application/pdf", "report.pdf"),
    "liar": Fetched(b"<html>", "image/png", "x.png"),
    "empty": Fetched(b"", "text/plain", "x.txt"),
    "page": None,
    "gone": NOT_THERE,
}


def user(*parts: Part) -> Message:
    return Message("user", parts)


def take(
    *messages: Message,
    places: Sequence[str] = (),
    web: FakeWeb | None = None,
    files: FakeFiles | None = None,
    by_url: bool = False,
    owner: str = "me",
    thread: Thread | None = None,
    limit: int = LIMIT,
    bring: Bring | None = None,
) -> tuple[tuple[Message, ...], str]:
    known = web or FakeWeb(**WEB)
    intake = Intake(lambda: known, files or FakeFiles(), limit=limit, by_url=by_url)
    prompt = Prompt("auto", messages, thread=thread)
    taken, holder = asyncio.run(intake.take(prompt, owner, places, bring))
    return taken.messages, holder


def refusal(*messages: Message, **more: object) -> Problem:
    with pytest.raises(Problem) as caught:
        take(*messages, **more)  # type: ignore[arg-type]
    return caught.value


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (Image(CAT, detail="low"), Image(CAT, detail="low")),
        (Image(data_url("image/jpg", PNG)), Image(CAT)),
        (Image(f"data:;base64,{base64.b64encode(PNG).decode()}"), Image(CAT)),
        (Image("https://cat.example/", detail="high"), Image(CAT, detail="high")),
        (Image("https://vague.example/"), Image(CAT)),
        (File("a.pdf", PDF), File("a.pdf", PDF)),
        (File("a.pdf", PDF.partition(",")[2]), File("a.pdf", PDF)),
        (File("a.csv", "data:text/plain,a%2Cb"), File("a.csv", data_url("text/csv", b"a,b"))),
        (File("a.pdf", url=PDF), File("a.pdf", PDF)),
        (File("", url="https://report.example/"), File("report.pdf", PDF)),
        (File("mine.pdf", url="https://report.example/"), File("mine.pdf", PDF)),
    ],
)
def test_every_part_comes_out_with_its_bytes_in_it(
    part: Image | File, expected: Image | File
) -> None:
    (message,), holder = take(user(Text("See:"), part))
    assert message == user(Text("See:"), expected)
    assert holder == ""


def test_a_url_is_fetched_once_however_often_it_stands_there() -> None:
    web = FakeWeb(**WEB)
    cat = Image("https://cat.example/")
    messages, _ = take(user(cat, cat), user(cat), web=web)
    assert messages == (user(Image(CAT), Image(CAT)), user(Image(CAT)))
    assert web.asked == [("https://cat.example/", "image/")]


def test_results_of_tools_are_taken_in_as_well() -> None:
    result = ToolResult("c1", (Text("this"), Image("https://cat.example/")))
    plain = ToolResult("c2", (Text("that"),))
    (message,), _ = take(Message("tool", (result, plain)))
    assert message.parts == (ToolResult("c1", (Text("this"), Image(CAT))), plain)


def test_what_a_kept_conversation_has_is_not_had_again() -> None:
    old, new = user(Image("https://gone.example/")), user(Image("https://cat.example/"))
    messages, _ = take(old, Message("assistant", (Text("A cat."),)), new, thread=Thread("c", "m"))
    assert messages[0] == old
    assert messages[2] == user(Image(CAT))
    assert take(new, thread=Thread("c", "m"))[0] == (user(Image(CAT)),)


# ---------------------------------------------------------------------------- files by their ids

HELD = Held("acc-1", "file-up", "cat.png", 5, "image/png", 4, 3)


def test_an_id_becomes_the_file_at_its_account() -> None:
    files = FakeFiles(one=HELD)
    (message,), holder = take(user(Image(file_id="one"), File(file_id="one")), files=files)
    assert holder == "acc-1"
    for part in message.parts:
        assert isinstance(part, Image | File)
        assert part.file_id == "file-up"
        assert read(part.url) == Asset("file-up", "cat.png", 5, "image/png", 4, 3)


def test_files_at_different_accounts_do_not_go_together() -> None:
    files = FakeFiles(one=HELD, two=Held("acc-2", "file-b", "b.png", 5, "image/png", 1, 1))
    problem = refusal(
        user(Image(file_id="one"), File(file_id="two")), files=files, places=("first", "second")
    )
    assert problem.kind is Kind.INVALID_REQUEST
    assert problem.param == "second"


def test_a_file_at_another_account_is_brought_over() -> None:
    two = Held("acc-2", "file-b", "b.pdf", 8, "application/pdf")
    three = Held("acc-2", "file-c", "c.png", len(PNG), "image/png", 4, 3)
    files = FakeFiles(one=HELD, two=two, three=three)
    brought: list[Held] = []

    async def bring(held: Held) -> bytes:
        brought.append(held)
        return b"%PDF-1.7" if held is two else PNG

    parts = (File(file_id="one"), File(file_id="two"), Image(file_id="three", detail="low"))
    (message,), holder = take(user(*parts), files=files, bring=bring, places=("a", "b", "c"))
    assert holder == "acc-1"
    assert brought == [two, three]
    assert message.parts[1:] == (File("b.pdf", PDF), Image(CAT, detail="low"))


def test_a_file_that_cannot_be_brought_over_is_named() -> None:
    two = Held("acc-2", "file-b", "b.pdf", 8, "application/pdf")

    async def bring(held: Held) -> bytes:
        raise Problem(Kind.UPSTREAM_ERROR, "It is gone.", step="download")

    problem = refusal(
        user(File(file_id="one"), File(file_id="two")),
        files=FakeFiles(one=HELD, two=two),
        bring=bring,
        places=("a", "b"),
    )
    assert (problem.kind, problem.step, problem.param) == (Kind.UPSTREAM_ERROR, "download", "b")


def test_an_id_that_was_given_to_somebody_else_is_unknown() -> None:
    files = FakeFiles(one=HELD)
    problem = refusal(user(Image(file_id="one")), files=files, owner="you")
    assert problem.kind is Kind.NOT_FOUND


def test_a_document_is_no_picture() -> None:
    files = FakeFiles(one=Held("acc-1", "file-b", "a.pdf", 5, "application/pdf"))
    problem = refusal(user(Image(file_id="one")), files=files, places=("here",))
    assert problem.message.startswith("here is the id of a file that is no picture")


# ------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("part", "kind", "words"),
    [
        (Image(data_url("image/png", b"no")), Kind.INVALID_REQUEST, "here is not a picture"),
        (Image("https://liar.example/"), Kind.INVALID_REQUEST, "here is not a picture"),
        (Image("https://gone.example/"), Kind.INVALID_REQUEST, "gone.example cannot be fetched"),
        (Image("file:///etc/passwd"), Kind.INVALID_REQUEST, "here is not a data URL"),
        (Image("file-service://file-x?name=a"), Kind.INVALID_REQUEST, "here is not a data URL"),
        (Image("sediment://file_x"), Kind.INVALID_REQUEST, "here is not a data URL"),
        (Image(""), Kind.INVALID_REQUEST, "here is not a data URL"),
        (Image(data_url("image/png", PNG + bytes(LIMIT))), Kind.TOO_LARGE, "here is larger than"),
        (File("a.txt", "§"), Kind.INVALID_REQUEST, "here is not valid base64"),
        (File("a.txt", "data:text/plain;base64,"), Kind.INVALID_REQUEST, "here is an empty file"),
        (File("a.txt"), Kind.INVALID_REQUEST, "here is an empty file"),
        (File("a.txt", url="https://empty.example/"), Kind.INVALID_REQUEST, "here is an empty"),
        (File("a.txt", url="file:///etc/passwd"), Kind.INVALID_REQUEST, "here is not valid base64"),
        (File("a.txt", data_url("text/plain", bytes(LIMIT + 1))), Kind.TOO_LARGE, "here is larger"),
    ],
)
def test_what_cannot_be_had_is_refused_by_name(part: Image | File, kind: Kind, words: str) -> None:
    problem = refusal(user(Text("See:"), part), places=("here",))
    assert problem.kind is kind
    assert problem.param == "here"
    assert words in problem.message


def test_the_names_are_those_of_the_last_parts() -> None:
    """A kept history comes before the request; its parts have no name in it."""
    bad, good = Image(data_url("image/png", b"no")), Image(CAT)
    assert refusal(user(good), user(bad), places=("new",)).param == "new"
    assert refusal(user(bad), user(good), places=("new",)).param == "previous_response_id"


def test_a_request_has_a_bounded_number_of_urls() -> None:
    parts = [Image(f"https://n{number}.example/") for number in range(21)]
    assert "20 different URLs" in refusal(user(*parts), places=("x",) * 21).message


def test_all_that_is_fetched_together_is_bounded() -> None:
    heavy = Fetched(PNG + bytes(900), "image/png", "")
    web = FakeWeb(a=heavy, b=heavy, c=heavy)
    parts = [Image(f"https://{name}.example/") for name in "abc"]
    problem = refusal(user(*parts), places=("x",) * 3, web=web)
    assert problem.kind is Kind.TOO_LARGE
    assert "2000 bytes" in problem.message


def test_the_first_failure_ends_the_others() -> None:
    web = FakeWeb(**WEB)
    parts = [Image("https://gone.example/"), Image("https://cat.example/")]
    assert refusal(user(*parts), places=("a", "b"), web=web).param == "a"


# ------------------------------------------------------------------------------ URLs in the text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello", ([], "Hello", [])),
        (" two  blanks ", ([], " two  blanks ", [])),
        ("https://a.example/x What?", (["https://a.example/x"], "What?", [])),
        ("What? https://a.example/x", ([], "What?", ["https://a.example/x"])),
        ("https://a.example https://b.example\nSum up.\n",
         (["https://a.example", "https://b.example"], "Sum up.", [])),
        ("See https://a.example HTTP://b.example ",
         ([], "See", ["https://a.example", "HTTP://b.example"])),
        ("https://a.example", (["https://a.example"], "", [])),
        ("https://a.example Hi https://b.example",
         (["https://a.example"], "Hi", ["https://b.example"])),
        ("See https://a.example, please", ([], "See https://a.example, please", [])),
        ("xhttps://a.example", ([], "xhttps://a.example", [])),
        ("ftp://a.example What?", ([], "ftp://a.example What?", [])),
    ],
)  # fmt: skip
def test_urls_are_parted_from_the_text_between_them(
    text: str, expected: tuple[list[str], str, list[str]]
) -> None:
    assert split_urls(text) == expected


@given(st.text(alphabet="ab :/.htps\n", max_size=80))
def test_no_word_of_a_text_is_lost(text: str) -> None:
    before, between, after = split_urls(text)
    assert [*before, *between.split(), *after] == text.split()


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("https://cat.example/ What?", (Text("What?"), Image(CAT))),
        ("https://cat.example/", (Image(CAT),)),
        ("Sum up https://report.example/", (Text("Sum up"), File("report.pdf", PDF))),
        ("https://page.example/ What?", (Text("https://page.example/ What?"),)),
        ("https://page.example/ https://cat.example/ And? https://page.example/",
         (Text("https://page.example/ And? https://page.example/"), Image(CAT))),
        ("What? https://cat.example/ https://cat.example/", (Text("What?"), Image(CAT))),
        ("Nothing.", (Text("Nothing."),)),
    ],
)  # fmt: skip
def test_files_behind_urls_take_the_place_of_the_urls(text: str, parts: tuple[Part, ...]) -> None:
    (message,), _ = take(user(Text(text)), by_url=True)
    assert message == user(*parts)


def test_other_parts_and_what_others_say_stay() -> None:
    said = Message("assistant", (Text("https://cat.example/"),))
    pictured = user(Image(CAT), Text("https://report.example/ And?"))
    messages, _ = take(said, pictured, by_url=True)
    assert messages == (said, user(Image(CAT), Text("And?"), File("report.pdf", PDF)))


def test_a_file_that_is_gone_is_refused_in_the_newest_message_only() -> None:
    gone, more = user(Text("https://gone.example/ What?")), user(Text("And?"))
    assert refusal(gone, by_url=True).param == "messages"
    assert take(gone, more, by_url=True)[0] == (gone, more)


def test_a_message_has_a_bounded_number_of_urls() -> None:
    many = user(Text(" ".join(f"https://n{number}.example/" for number in range(11))))
    assert "10 URLs" in refusal(many, by_url=True).message
    more = user(Text("And?"))
    assert take(many, more, by_url=True)[0] == (many, more)


# ------------------------------------------------------------------------------- what is carried


def test_media_are_found_wherever_they_stand() -> None:
    cat, notes = Image("a"), File("b")
    parts = (Text("x"), cat, ToolResult("c", (Text("y"), notes)))
    assert list(media_of(parts)) == [cat, notes]
    assert carries_media((user(Text("x")), Message("tool", parts)))
    assert not carries_media((user(Text("x")), Message("tool", (ToolResult("c", ()),))))

"""What every table of parameters has in common, and that docs/parameters.md shows all of them."""

import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from chat2api_core.dialects.audio import parameters as audio
from chat2api_core.dialects.chat_completions import parameters as chat_completions
from chat2api_core.dialects.images import parameters as images
from chat2api_core.dialects.parameters import Fate, Parameter, refused, table
from chat2api_core.dialects.responses import parameters as responses
from chat2api_core.problem import Kind
from tests.update_docs import blocks

ROOT = Path(__file__).parents[2]
TABLES = {
    "chat completions": chat_completions.PARAMETERS,
    "responses": responses.PARAMETERS,
    "images": images.PARAMETERS,
    **{f"audio {route}": rows for route, rows in audio.PARAMETERS.items()},
}
N = Parameter("n", "refused", "there is one", (1,))
AUDIO = Parameter("audio", "refused", "answers are text")
BOTH = Parameter("x", "refused", "no", (0, False, ["text"]))


@pytest.mark.parametrize("rows", TABLES.values(), ids=TABLES)
def test_a_parameter_has_one_row_of_one_line(rows: tuple[Parameter, ...]) -> None:
    assert len({row.name for row in rows}) == len(rows)
    for row in rows:
        assert row.fate in get_args(Fate)
        assert row.why
        assert "\n" not in row.why
        assert "|" not in row.why
        assert row.fate == "refused" or not row.neutral


@pytest.mark.parametrize(
    ("row", "value", "nothing"),
    [
        (N, None, True),
        (N, 1, True),
        (N, 1.0, True),
        (N, True, False),
        (N, 2, False),
        (N, "1", False),
        (AUDIO, None, True),
        (AUDIO, {}, False),
        (BOTH, 0, True),
        (BOTH, False, True),
        (BOTH, ["text"], True),
        (BOTH, ["text", "audio"], False),
    ],
)
def test_what_asks_for_nothing_is_taken(row: Parameter, value: object, nothing: bool) -> None:
    assert row.asks_for_nothing(value) is nothing


@pytest.mark.parametrize(
    ("row", "advice"),
    [
        (N, "n is not supported here: there is one (leave it out or send 1)."),
        (AUDIO, "audio is not supported here: answers are text (leave it out)."),
        (BOTH, 'x is not supported here: no (leave it out or send 0 or false or ["text"]).'),
    ],
)
def test_a_refusal_says_why_and_what_is_taken(row: Parameter, advice: str) -> None:
    problem = row.refusal()
    assert (problem.kind, problem.param) == (Kind.UNSUPPORTED_PARAMETER, row.name)
    assert problem.message == advice


def test_the_table_shows_what_is_taken_of_what_is_refused() -> None:
    used = Parameter("model", "used", "passed on")
    assert refused((used, N)) == (N,)
    assert table((used, N, AUDIO)).splitlines() == [
        "| parameter | | why, how |",
        "|---|---|---|",
        "| `model` | used | passed on |",
        "| `n` | refused | there is one (taken: `1`) |",
        "| `audio` | refused | answers are text |",
    ]


def test_the_docs_show_every_block_as_it_is() -> None:
    found = blocks()
    assert len(found) == 5
    for name, (page, shown) in found.items():
        text = (ROOT / "docs" / page).read_text(encoding="utf-8")
        start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        assert text.count(start) == text.count(end) == 1
        assert text.partition(start)[2].partition(end)[0].strip() == shown.strip()


def test_a_plain_chat_does_not_load_the_table() -> None:
    program = (
        "import sys\n"
        "from chat2api_core.dialects.chat_completions import ChatCompletions\n"
        "parse = ChatCompletions().parse\n"
        'plain = b\'{"messages": [{"role": "user", "content": "Hi"}], "temperature": 1}\'\n'
        "parse(plain)\n"
        "names = [name for name in sys.modules if name.endswith('parameters')]\n"
        "assert not names, names\n"
        "parse(plain[:-1] + b', \"n\": 1}')\n"
        "assert 'chat2api_core.dialects.parameters' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)

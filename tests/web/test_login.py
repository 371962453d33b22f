"""What needs a login, and who is told so."""

import pytest
from msgspec.structs import replace

from chat2api_core.accounts.account import Account
from chat2api_core.accounts.caller import AnonymousCaller, Caller, PoolCaller, TokenCaller
from chat2api_core.problem import Kind, Problem
from chat2api_core.turn import (
    File,
    HostedTool,
    Image,
    Message,
    Prompt,
    Text,
    ToolResult,
)
from chat2api_core.web.login import check_login, need_login

PLAIN = Prompt("auto", (Message("user", (Text("Hello?"),)),))
PICTURE = Image(url="data:image/png;base64,AAAA")


def saying(*parts: Text | Image | File | ToolResult) -> Prompt:
    return replace(PLAIN, messages=(Message("user", parts),))


NEEDY = [
    ("a GPT", replace(PLAIN, model="g-abc"), "model"),
    ("a GPT by its long name", replace(PLAIN, model="gpt-4-gizmo-g-abc"), "model"),
    ("a GPT of the web", replace(PLAIN, model="web/g-abc"), "model"),
    ("deep research", replace(PLAIN, hints=("search", "research")), "system_hints"),
    ("a picture to be made", replace(PLAIN, hosted=(HostedTool("image_generation"),)), "tools"),
    ("a picture", saying(Text("What is it?"), PICTURE), "messages"),
    ("a file", saying(File(file_id="file-1")), "messages"),
    ("a picture of a tool", saying(ToolResult("call_1", (PICTURE,))), "messages"),
]


@pytest.mark.parametrize(("what", "prompt", "param"), NEEDY)
def test_who_has_no_account_is_told_what_needs_one(what: str, prompt: Prompt, param: str) -> None:
    with pytest.raises(Problem) as caught:
        check_login(AnonymousCaller(), prompt)

    assert caught.value.kind is Kind.LOGIN_REQUIRED, what
    assert caught.value.status == 403
    assert caught.value.param == param


@pytest.mark.parametrize(
    "prompt",
    [
        PLAIN,
        replace(PLAIN, hints=("search", "reason")),
        replace(PLAIN, hosted=(HostedTool("web_search"),)),
        saying(ToolResult("call_1", (Text("42"),))),
        replace(PLAIN, model="gpt-5.5"),
    ],
)
def test_plain_chat_needs_no_account(prompt: Prompt) -> None:
    check_login(AnonymousCaller(), prompt)


@pytest.mark.parametrize("caller", [PoolCaller("key"), TokenCaller(Account())])
@pytest.mark.parametrize(("what", "prompt", "param"), NEEDY)
def test_who_has_an_account_is_let_through(
    caller: Caller, what: str, prompt: Prompt, param: str
) -> None:
    check_login(caller, prompt)
    need_login(caller, what, param=param)


def test_the_words_say_what_it_is_about() -> None:
    with pytest.raises(Problem, match=r"^Speech needs a ChatGPT account"):
        need_login(AnonymousCaller(), "Speech")

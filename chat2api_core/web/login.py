"""What ChatGPT does for those who are logged in only: the one place that says no to others.

In: who asks, and what for. Out: nothing, or ``Problem`` LOGIN_REQUIRED before anybody is asked. The
one rule: chat without login is told so in plain words, and never by ChatGPT's 401 or 403, which
would look like trouble with an account.
"""

from chat2api_core.accounts.caller import AnonymousCaller, Caller
from chat2api_core.carried import carries_media
from chat2api_core.choice import is_gpt
from chat2api_core.problem import Kind, Problem
from chat2api_core.turn import Prompt

# Switches of ChatGPT's web that begin what is only there with an account.
_HINTS = {"picture_v2": "Making pictures", "research": "Deep research", "canvas": "The canvas"}


def need_login(caller: Caller, what: str, *, param: str | None = None) -> None:
    """Raise ``Problem`` LOGIN_REQUIRED for a caller without any account. ``what`` begins a
    sentence: "Making pictures"."""
    if isinstance(caller, AnonymousCaller):
        message = (
            f"{what} needs a ChatGPT account, and this request was made without one. "
            "Send an API key of this gateway, or a ChatGPT token."
        )
        raise Problem(Kind.LOGIN_REQUIRED, message, step="auth", param=param)


def check_login(caller: Caller, prompt: Prompt) -> None:
    """Raise ``Problem`` LOGIN_REQUIRED where a prompt needs what an anonymous caller has not."""
    if not isinstance(caller, AnonymousCaller):
        return
    if is_gpt(prompt.model):
        need_login(caller, "A GPT", param="model")
    for hint in prompt.hints:
        if hint in _HINTS:
            need_login(caller, _HINTS[hint], param="system_hints")
    if any(tool.kind == "image_generation" for tool in prompt.hosted):
        need_login(caller, "Making pictures", param="tools")
    if carries_media(prompt.messages):
        need_login(caller, "Sending pictures and files", param="messages")

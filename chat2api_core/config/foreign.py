"""Variables that have no effect here although somebody surely meant them to: those of other
gateways of this kind, of which docs/migrating.md tells more, and misspelt ones of ours.

In: the environment. Out: sentences for ``notices``; no value is in them.
"""

from collections.abc import Collection, Iterable, Mapping

_SHORTEST = 8  # letters; shorter names are alike by chance
_ALIKE = 4  # letters that a mistake leaves alone
_NEAR = 0.9  # of 1, by difflib's measure
_SOLVERS = "no CAPTCHA is solved, here or elsewhere"
_DISGUISE = "no browser is imitated; USER_AGENT says who the gateway is"
_MIRROR = "ChatGPT's own site is not mirrored"
_POOL = "accounts are those of CHATGPT_ACCOUNTS; ANONYMOUS=true answers without one"

FOREIGN: Mapping[str, str] = {
    "ACCESS_TOKENS": "set AUTH_TOKENS",
    "ADMIN_PASSWORD": "set ADMIN_KEY",
    "ARK0SE_TOKEN_URL": _SOLVERS,
    "ARKOSE_TOKEN_URL": _SOLVERS,
    "TURNSTILE_SOLVER_URL": _SOLVERS,
    "USER_AGENTS": _DISGUISE,
    "IMPERSONATE": _DISGUISE,
    "ENABLE_GATEWAY": _MIRROR,
    "AUTO_SEED": _MIRROR,
    "CHECK_MODEL": "what an account may use is learnt from ChatGPT",
    "NO_SENTINEL": "CONVERSATION_ONLY=true leaves out what comes before a turn",
    "FORCE_NO_HISTORY": "HISTORY_DISABLED is true unless you change it",
    "SENTINEL_PROXY_URL": "set PROXY, or `proxy` of an account: all of a turn takes one way",
    "CHAT_REQUEST_TIMEOUT": "set CONNECT_TIMEOUT and READ_TIMEOUT",
    "FREE_ACCOUNTS": _POOL,
    "FREE_ACCOUNTS_NUM": _POOL,
    "ENABLE_HISTORY": "set HISTORY_DISABLED=false",
    "STREAM_MODE": "the client's `stream` decides",
    "TOOL_CALLING_ENABLED": "tools are used where a request has them",
    "REFUSAL_RETRIES": "set TOOL_RETRIES",
    "MAX_CONTINUE_COUNT": "set MAX_CONTINUES",
    "ENABLE_EXTERNAL_TOKEN": "set ALLOW_UPSTREAM_TOKENS",
    "SERVER_HOST": "set BIND",
    "SERVER_PORT": "set PORT",
}


def foreign(environ: Mapping[str, str]) -> Iterable[str]:
    """A sentence for each of them that is set."""
    for name, instead in FOREIGN.items():
        if environ.get(name, "").strip():
            yield f"{name} has no effect here: {instead}."


def misspelt(environ: Mapping[str, str], ours: Collection[str]) -> Iterable[str]:
    """A sentence for each variable that is nearly called as one of ours. An environment is full of
    others' names: only what begins alike and differs in a letter or two is taken for a mistake."""
    for name in environ:
        if name in ours or name in FOREIGN or len(name) < _SHORTEST or not environ[name].strip():
            continue
        alike = sorted(one for one in ours if one[:_ALIKE] == name[:_ALIKE])
        near = [one for one in alike if _near(name, one)]
        if near and not any(one in environ for one in near):
            yield f"{name} is no setting: is {near[0]} meant?"


def _near(name: str, other: str) -> bool:
    from difflib import SequenceMatcher  # noqa: PLC0415 (seldom does anything come this far)

    return SequenceMatcher(None, name, other, autojunk=False).ratio() > _NEAR

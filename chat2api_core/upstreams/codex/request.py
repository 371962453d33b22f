"""What is sent to the Codex backend: the headers, and the body of a turn.

In: a ``Prompt``, the account, the catalog. Out: bytes, and the names of tools for the way back.
The rule that must hold: a body is one that the backend takes (``store`` false, ``stream`` true, a
list as input), and what it refuses but callers send anyway is left out: sampling and token limits,
which the gateway keeps itself, and everything about stored responses. Source of names and shapes:
seen in the Codex command-line client.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence

import msgspec
from msgspec import Struct

from chat2api_core.accounts.account import Account, read_claims
from chat2api_core.effort import clamp, split
from chat2api_core.painters import is_painter
from chat2api_core.secret import Secret
from chat2api_core.turn import Effort, Format, Prompt, Tool, ToolChoice
from chat2api_core.upstreams.codex.catalog import AUTO, CodexModel, find
from chat2api_core.upstreams.codex.items import Json, calls, input_items
from chat2api_core.upstreams.codex.names import Names

Headers = list[tuple[bytes, bytes]]

ORIGINATOR = "chat2api"
_PLAIN_KEY = re.compile(r"[\x21-\x7e]{1,64}")
_TIERS = {"priority": "priority", "fast": "priority"}
_VERBOSITIES = frozenset({"low", "medium", "high"})
_NO_SUMMARY = "none"
_RECALLS = frozenset({"current_turn", "all_turns"})  # ``auto`` is what holds without a word


# ----------------------------------------------------------------------------------- whom to ask


class Target(Struct, frozen=True):
    """Which model is asked, and how hard it is to think (None: as it does by itself). ``model`` is
    its entry in the catalog, if it has one."""

    slug: str
    effort: Effort | None = None
    model: CodexModel | None = None


def resolve(prompt: Prompt, catalog: Sequence[CodexModel]) -> Target:
    """Read the model name: ``gpt-5.5``, ``gpt-5.5-high``, ``gpt-5-5``, ``auto``. An effort of the
    prompt counts more than one in the name; the model's own levels bound both. A model that makes
    pictures is a matter of the tool; any model can use that."""
    named = split(prompt.model, tuple(model.slug for model in catalog))
    drawn = prompt.tool_choice.hosted == "image_generation" and is_painter(named.name)
    model = find(catalog, "" if drawn else named.name)
    effort = prompt.effort or named.effort
    if model is None:
        return Target(AUTO if drawn else named.name, effort)
    return Target(model.slug, effort and clamp(effort, model.efforts), model)


def conversation_key(prompt: Prompt, account: Account) -> str:
    """What stays the same from turn to turn of one conversation and is different for any other:
    the client's own key, or one made of the account and of how the conversation begins. At most 64
    visible ASCII characters."""
    if _PLAIN_KEY.fullmatch(prompt.cache_key):
        return prompt.cache_key
    digest = hashlib.sha256(account.key.encode())
    if prompt.cache_key:
        digest.update(b"\0key\0" + prompt.cache_key.encode())
    else:
        for text in _opening(prompt):
            digest.update(b"\0" + text.encode("utf-8", "surrogatepass"))
    name = digest.hexdigest()
    return f"{name[:8]}-{name[8:12]}-{name[12:16]}-{name[16:20]}-{name[20:32]}"


def _opening(prompt: Prompt) -> Iterator[str]:
    """The texts up to the first of a user: later turns repeat them."""
    for message in prompt.messages:
        yield f"{message.role}\0{message.text}"
        if message.role == "user":
            return


# ----------------------------------------------------------------------------------- the headers


class Identity(Struct, frozen=True):
    """Who asks: the account, and our client as it presents itself. ``auth_key`` opens a private
    gateway in front of ChatGPT."""

    access_token: Secret
    account_id: str
    user_agent: str
    auth_key: Secret = Secret("")


def identity(account: Account, *, user_agent: str, auth_key: Secret) -> Identity:
    """The account's id is the one that it was configured with, or else the one in its tokens."""
    account_id = (
        account.account_id
        or read_claims(account.access_token).account_id
        or read_claims(account.id_token).account_id
    )
    return Identity(account.access_token, account_id, user_agent, auth_key)


def headers(who: Identity, *, accept: str, session: str = "") -> Headers:
    """The headers of every call; ``session`` is the conversation's key. Empty ones are left out."""
    token = who.access_token.reveal()
    pairs = (
        (b"accept", accept),
        (b"accept-encoding", "identity"),  # packed events would wait for the packer
        (b"content-type", "application/json"),
        (b"user-agent", who.user_agent),
        (b"originator", ORIGINATOR),
        (b"authorization", token and f"Bearer {token}"),
        (b"chatgpt-account-id", who.account_id),
        (b"session-id", session),
        (b"auth_key", who.auth_key.reveal()),
        (b"authkey", who.auth_key.reveal()),  # nginx drops names with an underscore
    )
    return [(name, value.encode()) for name, value in pairs if value]


# -------------------------------------------------------------------------------------- the body


class Outgoing(Struct, frozen=True):
    """A turn, ready to be sent. ``sealed`` tells whether sealed reasoning is in it."""

    body: bytes
    names: Names
    sealed: bool


def responses_body(
    prompt: Prompt, target: Target, *, cache_key: str, sealed: bool = True
) -> Outgoing:
    """The body of ``POST /backend-api/codex/responses``. Without ``sealed`` the reasoning of
    earlier turns is left out. Raises ``Problem`` UNSUPPORTED_PARAMETER."""
    built_in = _built_in(prompt.tools, target)
    tools = _allowed(prompt.tools, prompt.tool_choice, built_in)
    pairs = [(tool.namespace, tool.name) for tool in prompt.tools]
    names = Names([*pairs, *calls(prompt.messages)])
    items = input_items(prompt.messages, names, sealed=sealed, built_in=built_in)
    body: Json = {
        "model": target.slug,
        "instructions": "",
        "input": items,
        "store": False,
        "stream": True,
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": cache_key,
        "reasoning": _reasoning(prompt, target),
        "text": _text(prompt, target),
        "service_tier": _TIERS.get(prompt.service_tier),
    }
    declared = [*_declared(tools, names, built_in), *_hosted(prompt)]
    if declared:
        can_many = target.model is None or target.model.parallel_calls
        body["tools"] = declared
        body["tool_choice"] = _tool_choice(prompt.tool_choice, tools, names, built_in)
        body["parallel_tool_calls"] = prompt.parallel_tool_calls and can_many
    kept = {name: value for name, value in body.items() if value not in (None, {})}
    has_sealed = any(item["type"] == "reasoning" for item in items)
    return Outgoing(msgspec.json.encode(kept), names, has_sealed)


def _reasoning(prompt: Prompt, target: Target) -> Json:
    """A summary is what clients see of the thinking; without asking there is none."""
    reasoning: Json = {} if target.effort is None else {"effort": target.effort}
    if prompt.summary != _NO_SUMMARY and target.effort != "none":
        reasoning["summary"] = prompt.summary or "auto"
    if prompt.recall in _RECALLS:
        reasoning["context"] = prompt.recall
    return reasoning


def _text(prompt: Prompt, target: Target) -> Json:
    text = _format(prompt.format)
    takes_verbosity = target.model is None or target.model.verbosity
    if prompt.verbosity in _VERBOSITIES and takes_verbosity:
        text["verbosity"] = prompt.verbosity
    return text


def _format(wanted: Format) -> Json:
    if wanted.kind == "text":
        return {}
    if wanted.kind == "json_object":
        return {"format": {"type": "json_object"}}
    schema: Json = {"type": "json_schema", "name": wanted.name, "schema": wanted.schema}
    return {"format": schema | {"strict": wanted.strict}}


def _allowed(tools: Sequence[Tool], choice: ToolChoice, built_in: frozenset[str]) -> list[Tool]:
    """A choice among several tools is made by sending only these."""
    if not choice.names or _single(tools, choice, built_in) is not None:
        return list(tools)
    return [tool for tool in tools if tool.name in choice.names]


def _single(tools: Sequence[Tool], choice: ToolChoice, built_in: frozenset[str]) -> Tool | None:
    """The one tool that must be called, if it can be named: in a namespace none can, and none that
    is declared by a type of its own."""
    if choice.mode != "required":
        return None
    fit = [tool for tool in tools if tool.name in choice.names]
    unnamed = any(tool.namespace or _is_own(tool, built_in) for tool in fit)
    return fit[0] if len(fit) == 1 and not unnamed else None


def _tool_choice(
    choice: ToolChoice, tools: Sequence[Tool], names: Names, built_in: frozenset[str]
) -> str | Json:
    if choice.hosted is not None:
        return {"type": choice.hosted}
    single = _single(tools, choice, built_in)
    if single is None:
        return choice.mode
    return {"type": single.kind, "name": names.wire(single.name)}


def _built_in(tools: Sequence[Tool], target: Target) -> frozenset[str]:
    """The names of those tools that the model knows by types of their own."""
    known = target.model.built_in if target.model else frozenset()
    return known & {tool.name for tool in tools if tool.built_in}


def _declared(tools: Sequence[Tool], names: Names, built_in: frozenset[str]) -> list[Json]:
    """The client's tools; those of one namespace together, where its first one stands."""
    declared: list[Json] = []
    groups: dict[str, list[Json]] = {}
    for tool in tools:
        wire: Json = {"type": tool.name} if _is_own(tool, built_in) else _tool(tool, names)
        if not tool.namespace:
            declared.append(wire)
        elif tool.namespace in groups:
            groups[tool.namespace].append(wire)
        else:
            group = groups[tool.namespace] = [wire]
            space: Json = {"type": "namespace", "name": tool.namespace}
            declared.append(space | {"description": tool.space_description, "tools": group})
    return declared


def _is_own(tool: Tool, built_in: frozenset[str]) -> bool:
    return tool.built_in and tool.name in built_in


def _tool(tool: Tool, names: Names) -> Json:
    wire: Json = {
        "type": tool.kind,
        "name": names.wire(tool.name, tool.namespace),
        "description": tool.description,
    }
    if tool.deferred:
        wire["defer_loading"] = True
    if tool.kind == "function":
        parameters = tool.parameters or {"type": "object", "properties": {}}
        return wire | {"parameters": parameters, "strict": tool.strict}
    if tool.grammar:
        syntax = tool.syntax or "lark"
        grammar = {"type": "grammar", "syntax": syntax, "definition": tool.grammar}
        return wire | {"format": grammar}
    return wire | {"format": {"type": "text"}}


def _hosted(prompt: Prompt) -> Iterator[Json]:
    """The tools that the backend runs itself. The web client's switch for searching asks for one,
    too."""
    for tool in prompt.hosted:
        yield {"type": tool.kind} | dict(tool.options)
    if "search" in prompt.hints and all(tool.kind != "web_search" for tool in prompt.hosted):
        yield {"type": "web_search"}

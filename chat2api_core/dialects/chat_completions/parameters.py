"""Every parameter of ``POST /v1/chat/completions``, and what becomes of it.

This table is the only place that says so: the parser refuses by it, and
``python -m chat2api_core.dialects.chat_completions.parameters`` prints it as the Markdown that the
docs hold. The rule: a parameter is used, or leaving it out changes nothing that the caller can
rely on (ignored), or it is refused. What is not in the table is ignored, too.
"""

import sys
from typing import Literal, TypeAlias

import msgspec
from msgspec import Struct

Treatment: TypeAlias = Literal["used", "ignored", "refused"]


class Parameter(Struct, frozen=True):
    """One row. ``why`` is one line for the reader of the docs and of the error.

    ``neutral`` holds, as JSON, the values of a refused parameter that ask for nothing and are taken
    therefore; null and leaving it out always are."""

    name: str
    treatment: Treatment
    why: str
    neutral: tuple[str, ...] = ()


def _used(name: str, why: str) -> Parameter:
    return Parameter(name, "used", why)


def _ignored(name: str, why: str) -> Parameter:
    return Parameter(name, "ignored", why)


def _refused(name: str, why: str, *neutral: str) -> Parameter:
    return Parameter(name, "refused", why, neutral)


PARAMETERS: tuple[Parameter, ...] = (
    _used("messages", "text, pictures and files; roles system, developer, user, assistant, tool"),
    _used("model", "passed on; `auto` where it is left out"),
    _used("stream", "server-sent events instead of one document"),
    _used("stream_options", "`include_usage` is used; only together with `stream`"),
    _used("stop", "up to 4 sequences, enforced by the gateway"),
    _used("max_completion_tokens", "counts the visible answer, enforced by the gateway"),
    _used("max_tokens", "the older name of `max_completion_tokens`, which wins"),
    _used("tools", "functions, also `strict`; custom tools, also with a grammar"),
    _used("tool_choice", "all forms; what was chosen is enforced, not merely asked for"),
    _used("parallel_tool_calls", "`false`: at most one call an answer"),
    _used("functions", "the older form of `tools`; calls go back as `function_call`"),
    _used("function_call", "the older form of `tool_choice`"),
    _used("response_format", "`json_object` and `json_schema`; enforced by the gateway"),
    _used("reasoning_effort", "`none` to `max`, mapped to what the upstream offers"),
    _used("conversation_id", "ours: goes on with a conversation that the upstream keeps"),
    _used("parent_message_id", "ours: the message to go on after; needs `conversation_id`"),
    _used(
        "web_search_options",
        "the web is searched; on ChatGPT's web `user_location` is told in words, and "
        "`search_context_size` has no effect",
    ),
    _used(
        "verbosity", "goes to an upstream that has it (Codex); ChatGPT's web has no such setting"
    ),
    _used("prompt_cache_key", "names the conversation for an upstream with a cache (Codex)"),
    _used("service_tier", "`priority` goes to an upstream that has it (Codex)"),
    _used(
        "system_hints",
        "ours: switches of ChatGPT's web: `search`, `reason`, `canvas`, `research`",
    ),
    _used("history_disabled", "ours: true asks for a temporary chat, false for a kept one"),
    _ignored("temperature", "its range is checked; ChatGPT's web has no such setting"),
    _ignored("top_p", "its range is checked; ChatGPT's web has no such setting"),
    _ignored("frequency_penalty", "ChatGPT's web has no such setting"),
    _ignored("presence_penalty", "ChatGPT's web has no such setting"),
    _ignored("logit_bias", "ChatGPT's web has no such setting"),
    _ignored("seed", "ChatGPT's web has no such setting; the API promises nothing here either"),
    _ignored("prediction", "a hint to be faster, without effect on the answer"),
    _ignored("metadata", "nothing is stored"),
    _ignored("store", "nothing is stored"),
    _ignored("prompt_cache_options", "a hint to be faster"),
    _ignored("prompt_cache_retention", "a hint to be faster"),
    _ignored("safety_identifier", "it is not passed on"),
    _ignored("user", "it is not passed on"),
    _refused("n", "ChatGPT gives one answer a turn", "1"),
    _refused("logprobs", "ChatGPT's web does not tell probabilities", "false"),
    _refused("top_logprobs", "ChatGPT's web does not tell probabilities", "0"),
    _refused("modalities", "answers are text", '["text"]'),
    _refused("audio", "answers are text"),
    _refused("moderation", "verdicts of a moderation model are not available"),
    _refused("gizmo_id", "name the GPT in `model` instead, as `g-...`"),
)

REFUSED: tuple[Parameter, ...] = tuple(row for row in PARAMETERS if row.treatment == "refused")


def asks_for_nothing(parameter: Parameter, value: bytes) -> bool:
    """Whether the JSON ``value`` of a refused parameter may be taken all the same."""
    found: object = msgspec.json.decode(value)
    if found is None:
        return True
    return any(
        found == wanted and type(found) is type(wanted)
        for wanted in map(msgspec.json.decode, parameter.neutral)
    )


def advice(parameter: Parameter) -> str:
    """What to do about a refused parameter, as the end of a sentence."""
    if parameter.neutral:
        return f"leave it out or send {' or '.join(parameter.neutral)}"
    return "leave it out"


def markdown() -> str:
    """The table as the docs show it, ending in a newline."""
    lines = ["| parameter | | why, how |", "|---|---|---|"]
    for row in PARAMETERS:
        taken = f" (taken: {', '.join(f'`{value}`' for value in row.neutral)})"
        lines.append(
            f"| `{row.name}` | {row.treatment} | {row.why}{taken if row.neutral else ''} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":  # pragma: no cover (run by a test, in a process of its own)
    sys.stdout.write(markdown())

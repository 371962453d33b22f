"""Every parameter of ``POST /v1/chat/completions``, and what becomes of it: the one table.

Loaded where the docs are written, or where a request holds a parameter that may have to be refused.
"""

from chat2api_core.dialects.parameters import Parameter, refused


def _used(name: str, why: str) -> Parameter:
    return Parameter(name, "used", why)


def _ignored(name: str, why: str) -> Parameter:
    return Parameter(name, "ignored", why)


def _refused(name: str, why: str, *neutral: object) -> Parameter:
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
    _ignored("frequency_penalty", "its range is checked; ChatGPT's web has no such setting"),
    _ignored("presence_penalty", "its range is checked; ChatGPT's web has no such setting"),
    _ignored("logit_bias", "ChatGPT's web has no such setting"),
    _ignored("seed", "ChatGPT's web has no such setting; the API promises nothing here either"),
    _ignored("prediction", "a hint to be faster, without effect on the answer"),
    _ignored("metadata", "nothing is stored"),
    _ignored("store", "nothing is stored"),
    _ignored("prompt_cache_options", "a hint to be faster"),
    _ignored("prompt_cache_retention", "a hint to be faster"),
    _ignored("safety_identifier", "it is not passed on"),
    _ignored("user", "it is not passed on"),
    _refused("n", "ChatGPT gives one answer a turn", 1),
    _refused("logprobs", "ChatGPT's web does not tell probabilities", False),
    _refused("top_logprobs", "ChatGPT's web does not tell probabilities", 0),
    _refused("modalities", "answers are text", ["text"]),
    _refused("audio", "answers are text"),
    _refused("moderation", "verdicts of a moderation model are not available"),
    _refused("gizmo_id", "name the GPT in `model` instead, as `g-...`"),
)

REFUSED: dict[str, Parameter] = {row.name: row for row in refused(PARAMETERS)}

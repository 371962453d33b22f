"""Every parameter of ``POST /v1/responses``, and what becomes of it: the one table.

A parameter that would change the answer and cannot be obeyed is refused; one that is merely about
bookkeeping is echoed or ignored.
"""

from chat2api_core.dialects.parameters import Parameter, refused

PARAMETERS: tuple[Parameter, ...] = (
    Parameter("model", "used", "passed on; `auto` if left out"),
    Parameter(
        "input",
        "used",
        "a string or a list of items; items of hosted tools are for Codex, and left out on the web "
        "with a warning; item "
        "references and audio are refused, compacted histories on the web",
    ),
    Parameter("instructions", "used", "becomes the first system message"),
    Parameter("previous_response_id", "used", "goes on after that response"),
    Parameter("stream", "used", "decides between events and one document"),
    Parameter("store", "used", "`false` also asks the upstream to keep no history"),
    Parameter(
        "tools",
        "used",
        "function, custom, namespace, local_shell, shell, apply_patch; web_search, "
        "image_generation and tool_search where the upstream has them; others are left out with a "
        "warning",
    ),
    Parameter("tool_choice", "used", "all forms; a hosted tool must be web_search or be declared"),
    Parameter("parallel_tool_calls", "used", "`false`: at most one call an answer"),
    Parameter("text", "used", "`format` is enforced; `verbosity` goes to an upstream that has it"),
    Parameter("reasoning", "used", "`effort`, `summary`, `context` are passed on, others ignored"),
    Parameter("max_output_tokens", "used", "counts the visible answer, cut by the gateway"),
    Parameter(
        "include",
        "used",
        "`reasoning.encrypted_content` is given where the upstream has it; "
        "`message.output_text.logprobs` is refused, others have no data",
    ),
    Parameter("temperature", "echoed", "0 to 2; ChatGPT offers no such setting"),
    Parameter("top_p", "echoed", "0 to 1; ChatGPT offers no such setting"),
    Parameter("truncation", "echoed", "input that is too long is an error either way"),
    Parameter("max_tool_calls", "echoed", "limits hosted tools, of which there are none"),
    Parameter("metadata", "echoed", "at most 16 pairs, keys of 64 and values of 512 characters"),
    Parameter("prompt_cache_key", "used", "names the conversation for an upstream with a cache"),
    Parameter("prompt_cache_retention", "echoed", "there is no prompt cache to steer"),
    Parameter("safety_identifier", "echoed", "not sent to the upstream"),
    Parameter("user", "echoed", "not sent to the upstream"),
    Parameter("service_tier", "used", "`priority` goes to an upstream that has it"),
    Parameter(
        "system_hints",
        "used",
        "ours: switches of ChatGPT's web: `search`, `reason`, `canvas`, `research`",
    ),
    Parameter("stream_options", "ignored", "events are never padded"),
    Parameter("prompt_cache_options", "ignored", "there is no prompt cache to steer"),
    Parameter("context_management", "ignored", "nothing is compacted; too long is an error"),
    Parameter("client_metadata", "ignored", "sent by the Codex CLI"),
    Parameter("access_programs", "ignored", "about the caller's own contract"),
    Parameter("background_options", "ignored", "see `background`"),
    Parameter("image", "ignored", "how the context is compressed is the upstream's affair"),
    Parameter("background", "refused", "nothing runs after an answer has ended", (False,)),
    Parameter("conversation", "refused", "go on with `previous_response_id`"),
    Parameter("prompt", "refused", "there are no stored prompt templates"),
    Parameter("top_logprobs", "refused", "ChatGPT tells no probabilities", (0,)),
    Parameter("moderation", "refused", "no moderation results are available"),
)

REFUSED: tuple[Parameter, ...] = refused(PARAMETERS)

"""What is said of a path at which there is nothing. Pure.

In: the path, below where the API begins. Out: a sentence or two, which name what to use instead
where a client asks for a part of OpenAI's API that is not offered, or spells a path in a way that
clients often do. The one rule: API_PREFIX is not told, since some keep it as a secret.
"""

_BASE = "The base URL of a client ends in /v1; the README lists the routes."
_CHAT = "use /v1/chat/completions or /v1/responses"
# What begins so (a whole part of a path) is not offered, and what is there instead.
_NOT_OFFERED = {
    "completions": f"The older completions API is not offered: {_CHAT}.",
    "engines": f"Engines are not offered: {_CHAT}.",
    "messages": f"Anthropic's API is not offered: {_CHAT}.",
    "embeddings": "Embeddings are not offered: ChatGPT makes none.",
    "moderations": "Moderation is not offered: ChatGPT gives no verdicts.",
    "assistants": "Assistants are not offered: use /v1/responses.",
    "threads": "Threads are not offered: use /v1/responses and previous_response_id.",
    "conversations": "Conversations are not offered: use /v1/responses and previous_response_id.",
    "vector_stores": "Vector stores are not offered: put files into the request.",
    "uploads": "Uploads in parts are not offered: use /v1/files.",
    "batches": "Batches are not offered: nothing runs after an answer has ended.",
    "fine_tuning": "Fine-tuning is not offered.",
    "realtime": f"The Realtime API is not offered: {_CHAT}.",
    "videos": "Videos are not offered.",
    "backend-api": f"ChatGPT's own API is not passed through: {_CHAT}.",
    "backend-anon": f"ChatGPT's own API is not passed through: {_CHAT}.",
}


def nowhere(path: str) -> str:
    """The message for a path that nothing answers."""
    return f"There is nothing at {path}. {_hint(path)}"


def _hint(path: str) -> str:
    parts = [part for part in path.split("/") if part]
    if parts.count("v1") > 1:
        return f"It has /v1 more than once. {_BASE}"
    if parts and ("//" in path or path.endswith("/")):
        return f"It has a slash too many. {_BASE}"
    below = parts[parts.index("v1") + 1 :] if "v1" in parts else parts
    return _NOT_OFFERED.get(below[0], _BASE) if below else _BASE

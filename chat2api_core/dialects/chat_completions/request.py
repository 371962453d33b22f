"""A parsed request of this dialect: what its answer's form depends on besides ``Request``."""

from chat2api_core.dialects.base import Request


class ChatRequest(Request, frozen=True):
    """``older_calls``: the request declared ``functions``, so a call goes back as the one
    ``function_call`` of a message, not among its ``tool_calls``."""

    older_calls: bool = False

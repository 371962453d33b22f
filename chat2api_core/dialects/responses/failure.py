"""What a failed response says of its problem.

In: a ``Problem``. Out: the ``error`` of a ``response.failed``. The rule: the code tells an agent
whether to try again. The Codex CLI gives up on ``context_length_exceeded``,
``insufficient_quota``, ``invalid_prompt`` and ``server_is_overloaded``; it tries again on
``rate_limit_exceeded``, after the "try again in Ns" of the message, and on ``server_error`` (seen
in its behaviour).
"""

import math
from typing import Literal, TypeAlias

from chat2api_core.dialects.responses.answer import Failure
from chat2api_core.problem import Blame, Kind, Problem

Code: TypeAlias = Literal[
    "context_length_exceeded",
    "insufficient_quota",
    "invalid_prompt",
    "rate_limit_exceeded",
    "server_error",
    "server_is_overloaded",
]

# Longer than this, in seconds, an agent should rather tell its user than wait.
PATIENCE = 600.0

# The kinds whose code does not follow from whose fault they are.
_CODES: dict[Kind, Code] = {
    Kind.CONTEXT_LENGTH: "context_length_exceeded",
    Kind.RATE_LIMITED: "rate_limit_exceeded",
    Kind.BUSY: "rate_limit_exceeded",
    Kind.NO_ACCOUNT: "server_is_overloaded",
    Kind.REFUSED: "invalid_prompt",
}


def code_of(problem: Problem) -> Code:
    """The code that clients of this API understand."""
    code = _CODES.get(problem.kind)
    if code == "rate_limit_exceeded" and (problem.retry_after or 0.0) > PATIENCE:
        return "insufficient_quota"
    if code is not None:
        return code
    return "invalid_prompt" if problem.blame is Blame.CALLER else "server_error"


def failure(problem: Problem) -> Failure:
    """The ``error`` of the response."""
    code = code_of(problem)
    message = problem.message
    if problem.retry_after is not None and code == "rate_limit_exceeded":
        message = f"{message} Please try again in {math.ceil(problem.retry_after)}s."
    return Failure(code, message, problem.param, problem.code)

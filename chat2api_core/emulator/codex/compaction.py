"""A history made short by the Codex backend: what it takes for that, and what it answers. Pure.

Input: bytes, the plan, the owner. Output: the document, or ``Refused``. The rule: what comes back
is every message of the user, then one item that only this backend can read, and only for this
account.
"""

import msgspec
from msgspec import Struct

from chat2api_core.ambient import Ids
from chat2api_core.emulator.codex.body import Item, check_input
from chat2api_core.emulator.codex.catalog import find
from chat2api_core.emulator.codex.faults import bad, detail
from chat2api_core.emulator.codex.seals import seal
from chat2api_core.emulator.exchange import Json, Refused

_CHARACTERS_PER_TOKEN = 4


class _Body(Struct, forbid_unknown_fields=True):
    model: str
    input: list[Json]
    instructions: str = ""
    tools: list[Json] = []
    parallel_tool_calls: bool = True
    reasoning: Json = {}
    text: Json = {}


def compact(raw: bytes, *, plan: str, owner: str, now: float, ids: Ids) -> bytes:
    """The answer to ``POST codex/responses/compact``. Raises ``Refused``."""
    try:
        body = msgspec.json.decode(raw, type=_Body)
        items = msgspec.convert(body.input, list[Item])
    except msgspec.DecodeError as error:
        raise Refused(detail(400, f"Could not parse the request: {error}")) from error
    if find(plan, body.model) is None:
        words = (
            f"The '{body.model}' model is not supported when using Codex with a ChatGPT account."
        )
        raise Refused(detail(400, words))
    if not items:
        raise Refused(bad("There is nothing to compact.", "input"))
    check_input(items, owner)
    said = [
        {"id": f"msg_{ids.hex(24)}", **sent}
        for sent, item in zip(body.input, items, strict=True)
        if item.role == "user"
    ]
    name = f"cmp_{ids.hex(24)}"
    sealed = {"id": name, "type": "compaction", "encrypted_content": seal(owner, name)}
    tokens = len(raw) // _CHARACTERS_PER_TOKEN
    return msgspec.json.encode(
        {
            "id": f"resp_{ids.hex(32)}",
            "object": "response.compaction",
            "created_at": int(now),
            "output": [*said, sealed],
            "usage": {
                "input_tokens": tokens,
                "input_tokens_details": {"cached_tokens": 0},
                "output_tokens": 1,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": tokens + 1,
            },
        }
    )

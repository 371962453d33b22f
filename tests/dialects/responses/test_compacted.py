"""The document of a history that was made short."""

import msgspec
import pytest
from msgspec import Raw

from chat2api_core.dialects.base import Head
from chat2api_core.dialects.responses.compacted import document, seals
from chat2api_core.turn import Usage

HEAD = Head("0123456789abcdef01234567", 1_787_300_000)


def test_the_whole_document() -> None:
    items = (
        Raw(b'{"type":"message","id":"msg_1","role":"user","content":[]}'),
        Raw(b'{"type":"message","role":"user","content":[]}'),
        Raw(b'{"type":"compaction","encrypted_content":"AA"}'),
        Raw(b'{"type":"novelty"}'),
    )
    assert msgspec.json.decode(document(HEAD, items, Usage(9, 2, 4, 1))) == {
        "id": f"resp_{HEAD.id}",
        "object": "response.compaction",
        "created_at": 1_787_300_000,
        "output": [
            {"type": "message", "id": "msg_1", "role": "user", "content": []},
            {"type": "message", "id": f"msg_{HEAD.id}01", "role": "user", "content": []},
            {"type": "compaction", "id": f"cmp_{HEAD.id}02", "encrypted_content": "AA"},
            {"type": "novelty", "id": f"item_{HEAD.id}03"},
        ],
        "usage": {
            "input_tokens": 9,
            "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0},
            "output_tokens": 2,
            "output_tokens_details": {"reasoning_tokens": 1},
            "total_tokens": 11,
        },
    }
    assert seals(items) == ("AA",)


@pytest.mark.parametrize("item", [b"7", b'"text"', b'{"type":7}'])
def test_an_item_that_is_none_is_no_document(item: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        document(HEAD, (Raw(item),), Usage(0, 0))
    with pytest.raises(msgspec.DecodeError):
        seals((Raw(item),))

"""``response_format``: its shapes, and the ``Format`` that it becomes.

In: the parameter. Out: a ``Format``. The rule: a form that is asked for is in force, or refused.
"""

from typing import Any, TypeAlias

from msgspec import Struct

from chat2api_core.dialects.chat_completions.tools import check_name, check_schema
from chat2api_core.turn import Format


class AsText(Struct, tag_field="type", tag="text"):
    pass


class AsJson(Struct, tag_field="type", tag="json_object"):
    pass


class NamedSchema(Struct):
    name: str
    schema: dict[str, Any]
    description: str | None = None
    strict: bool | None = None


class BySchema(Struct, tag_field="type", tag="json_schema"):
    json_schema: NamedSchema


AnyFormat: TypeAlias = AsText | AsJson | BySchema


def read_format(wanted: AnyFormat | None) -> Format:
    """Raises ``Problem`` INVALID_REQUEST with the path of what is wrong."""
    if isinstance(wanted, BySchema):
        asked, at = wanted.json_schema, "response_format.json_schema"
        check_name(asked.name, f"{at}.name")
        check_schema(asked.schema, f"{at}.schema")
        return Format("json_schema", asked.name, asked.schema, asked.strict is True)
    return Format("json_object") if isinstance(wanted, AsJson) else Format()

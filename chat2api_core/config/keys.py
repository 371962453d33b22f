"""Local API keys with a name and limits as users write them, to ``ApiKey`` values. Pure.

In: a list of objects as JSON or YAML. The one rule: an object with an unknown key is refused, and
so are two with one key, because a limit that is overlooked limits nobody.
"""

import datetime

from msgspec import structs

from chat2api_core.config.accounts import Key
from chat2api_core.config.error import Mismatch, shown_key
from chat2api_core.config.forms import NOTE, SECRET, Form, many, matching, text_of, whole
from chat2api_core.config.tree import Tree, read_tree
from chat2api_core.keys import ApiKey
from chat2api_core.secret import Secret

_MOST_REQUESTS = 1_000_000
_MOST_TOKENS = 1_000_000_000_000


def _expiry(tree: Tree) -> float:
    """Unix seconds; a date without a time ends with its day, a time without a zone is UTC."""
    text = text_of(tree)
    try:
        moment = datetime.datetime.fromisoformat(text)
        if len(text) == len("2027-01-31"):
            moment += datetime.timedelta(days=1)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=datetime.UTC)
        return moment.timestamp()
    except (ValueError, OverflowError):
        raise Mismatch from None  # the cause quotes the value


EXPIRY = Form("a day such as 2027-01-31, or a time such as 2027-01-31T18:00:00Z", _expiry)
_MODEL = matching("a model's name, perhaps ending in *", r"[\w.:/@-]{1,100}\*?|\*")

KEYS = (
    Key("key", SECRET, "the key itself; needed"),
    Key("name", NOTE, "what you and the logs call it"),
    Key("expires", EXPIRY, "its last day (UTC), or the moment it ends"),
    Key("models", many(_MODEL), "the models it may ask for; a name may end in `*`"),
    Key("requests_per_minute", whole(0, _MOST_REQUESTS), "more are answered with 429; 0 is all"),
    Key("tokens_per_day", whole(0, _MOST_TOKENS), "in and out together, by day (UTC); 0 is all"),
)
_KEYS = {key.name: key for key in KEYS}


def _read_api_keys(tree: Tree) -> tuple[ApiKey, ...]:
    items = read_tree(tree) if isinstance(tree, str) else tree
    if items == "":
        return ()
    if not isinstance(items, list):
        raise Mismatch
    keys = tuple(_api_key(item, f"[{index}]") for index, item in enumerate(items))
    for index, one in enumerate(keys):
        if any(one.key == other.key for other in keys[:index]):
            raise Mismatch("each key only once", f"[{index}].key")
    return keys


def _api_key(tree: Tree, place: str) -> ApiKey:
    if not isinstance(tree, dict):
        raise Mismatch("an object with a key", place)
    values: dict[str, object] = {}
    for name, value in tree.items():
        key = _KEYS.get(name)
        if key is None:
            raise Mismatch(f"a known key ({', '.join(_KEYS)})", f"{place}.{shown_key(name)}")
        if value == "":
            continue  # an empty text is unset, as everywhere
        try:
            values[name] = key.form.read(value)
        except Mismatch:
            raise Mismatch(key.form.expected, f"{place}.{name}") from None
    if "key" not in values:
        raise Mismatch("a key", place)
    return structs.replace(ApiKey(Secret("")), **values)


API_KEYS = Form("a JSON or YAML list of objects, each with a key", _read_api_keys)

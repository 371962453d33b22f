"""The parts of a settings document that pages show and change. Pure.

In: a document as a tree (see ``config.tree``), and what somebody changed. Out: what to show, which
is without secrets, and the new parts. An entry is known by an id that gives nothing away; a secret
that is left blank stays as it is. The one rule: no secret of the document is in anything that
``shown`` returns.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from chat2api_core.accounts.account import Account
from chat2api_core.config.accounts import ACCOUNTS
from chat2api_core.config.tree import Tree
from chat2api_core.problem import Kind, Problem
from chat2api_core.secret import Secret

_SECRETS = ("access_token", "refresh_token", "session_token", "id_token")
_SHORTEST_MASKED = 16
HIDDEN = "…"
"""What is shown of a secret that is too short to show anything of."""


class KeyEdit(Struct, frozen=True, forbid_unknown_fields=True):
    """A local key. Without an ``id`` it is new and needs its ``key``."""

    id: str = ""
    key: str = ""
    name: str = ""
    expires: str = ""
    models: tuple[str, ...] = ()
    requests_per_minute: int = 0
    tokens_per_day: int = 0


class TextEdit(Struct, frozen=True, forbid_unknown_fields=True):
    """A prefix or a proxy."""

    id: str = ""
    value: str = ""


class AccountEdit(Struct, frozen=True, forbid_unknown_fields=True):
    """An account. ``proxy`` None takes the account's own proxy away."""

    id: str = ""
    access_token: str = ""
    refresh_token: str = ""
    session_token: str = ""
    id_token: str = ""
    proxy: str | None = ""
    account_id: str = ""
    email: str = ""
    type: Literal["web", "codex"] = "web"
    disabled: bool = False


class Edit(Struct, frozen=True, forbid_unknown_fields=True):
    """What shall be there now; a section that is None stays as it is. ``version`` is that of the
    document that was looked at."""

    version: str
    keys: tuple[KeyEdit, ...] | None = None
    prefixes: tuple[TextEdit, ...] | None = None
    proxies: tuple[TextEdit, ...] | None = None
    accounts: tuple[AccountEdit, ...] | None = None


Document = Mapping[str, Tree]


def mask(secret: str) -> str:
    """A secret as it may be shown: enough to tell it from others, useless otherwise."""
    if len(secret) < _SHORTEST_MASKED:
        return HIDDEN
    return f"{secret[:3]}…{secret[-4:]}"


def shown(document: Document) -> dict[str, object]:
    """The sections of a document, without its secrets."""
    return {
        "keys": [_shown_key(entry) for entry in _keys(document)],
        "prefixes": [_shown_text(text) for text in _texts(_auth(document), "access_token_prefix")],
        "proxies": [
            {"id": _id(text), "shown": mask_proxy(text)} for text in _texts(document, "proxy")
        ],
        "accounts": [_shown_account(entry) for entry in account_entries(document)],
    }


def changed(document: Document, edit: Edit) -> dict[str, Tree]:
    """The top level sections after an edit. Raises ``Problem`` INVALID_REQUEST."""
    auth = dict(_auth(document))
    out: dict[str, Tree] = {}
    if edit.keys is not None:
        old = {_id(str(entry["key"])): entry for entry in _keys(document)}
        entries = [_key(one, old, f"keys[{n}]") for n, one in enumerate(edit.keys)]
        ids = [_id(str(entry["key"])) for entry in entries]
        _once(ids, [one.key.strip() for one in edit.keys], "keys[{}].key")
        auth["access_tokens"] = [entry["key"] for entry in entries if len(entry) == 1]
        auth["api_keys"] = [entry for entry in entries if len(entry) > 1]
    if edit.prefixes is not None:
        known = _texts(_auth(document), "access_token_prefix")
        auth["access_token_prefix"] = _changed_texts(edit.prefixes, known, "prefixes")
    if edit.keys is not None or edit.prefixes is not None:
        out["auth"] = {name: value for name, value in auth.items() if value not in ("", [])}
    if edit.proxies is not None:
        out["proxy"] = _changed_texts(edit.proxies, _texts(document, "proxy"), "proxies")
    if edit.accounts is not None:
        out["chatgpts"] = _accounts(document, edit.accounts)
    return out


def account_entries(document: Document) -> list[dict[str, Tree]]:
    """The accounts of a document as they are written."""
    accounts = document.get("chatgpts", "")
    return [dict(one) for one in accounts if isinstance(one, dict)] if accounts else []


def id_of(entry: dict[str, Tree]) -> str:
    """The key by which an account's entry is known everywhere else."""
    (account,) = ACCOUNTS.read([entry])
    return account.key


def forms(account: Account) -> list[str]:
    """Which credentials an account has, by their names."""
    return [name for name in _SECRETS if getattr(account, name)]


# ------------------------------------------------------------------------------------ the parts


def _auth(document: Document) -> Mapping[str, Tree]:
    auth = document.get("auth", "")
    return auth if isinstance(auth, dict) else {}


def _texts(section: Mapping[str, Tree], name: str) -> list[str]:
    value = section.get(name, "")
    if isinstance(value, list):
        return [one for one in value if isinstance(one, str) and one]
    if isinstance(value, str):
        return [piece.strip() for piece in value.replace(";", ",").split(",") if piece.strip()]
    return []


def _keys(document: Document) -> list[dict[str, Tree]]:
    """All local keys as objects, the plain ones first."""
    auth = _auth(document)
    more = auth.get("api_keys", "")
    plain: list[dict[str, Tree]] = [{"key": text} for text in _texts(auth, "access_tokens")]
    return plain + [dict(one) for one in more if isinstance(one, dict)]


def _id(secret: str) -> str:
    return Secret(secret).fingerprint()


def _shown_text(text: str) -> dict[str, object]:
    return {"id": _id(text), "shown": mask(text)}


def mask_proxy(url: str) -> str:
    """A proxy's URL without user and password."""
    scheme, _, rest = url.partition("://")
    user, at, host = rest.rpartition("@")
    return f"{scheme}://{'…@' if at and user else ''}{host}"


def _shown_key(entry: dict[str, Tree]) -> dict[str, object]:
    key = str(entry["key"])
    models = _texts(entry, "models")
    numbers = {
        name: int(text) if (text := str(entry.get(name, ""))).isdecimal() else 0
        for name in ("requests_per_minute", "tokens_per_day")
    }
    return {
        "id": _id(key),
        "shown": mask(key),
        "name": entry.get("name", ""),
        "expires": entry.get("expires", ""),
        "models": models,
        **numbers,
    }


def _shown_account(entry: dict[str, Tree]) -> dict[str, object]:
    (account,) = ACCOUNTS.read([entry])
    proxy = account.proxy.reveal()
    return {
        "id": account.key,
        "email": account.email,
        "type": account.type,
        "account_id": account.account_id,
        "disabled": account.disabled,
        "proxy": mask_proxy(proxy) if proxy else "",
        "credentials": forms(account),
    }


# ------------------------------------------------------------------------------------ the edits


def _wrong(message: str, param: str) -> Problem:
    return Problem(Kind.INVALID_REQUEST, message, step="request", param=param)


def _gone(place: str) -> Problem:
    return _wrong("This entry is not there any more; load the page again.", f"{place}.id")


def _once(ids: Sequence[str], fresh: Sequence[str], place: str) -> None:
    """Refuse what is put in anew (``fresh`` is its text, empty for what stays as it is) and is
    there already: two entries of one id could not be told apart any more."""
    for number, text in enumerate(fresh):
        if text and ids.count(ids[number]) > 1:
            raise _wrong("This is there already.", place.format(number))


def _key(edit: KeyEdit, old: Mapping[str, dict[str, Tree]], place: str) -> dict[str, Tree]:
    text = edit.key.strip()
    if not text:
        if edit.id not in old:
            raise _gone(place) if edit.id else _wrong("A new key needs its text.", f"{place}.key")
        text = str(old[edit.id]["key"])
    entry: dict[str, Tree] = {"key": text}
    if edit.name.strip():
        entry["name"] = edit.name.strip()
    if edit.expires.strip():
        entry["expires"] = edit.expires.strip()
    if edit.models:
        entry["models"] = list(edit.models)
    if edit.requests_per_minute:
        entry["requests_per_minute"] = str(edit.requests_per_minute)
    if edit.tokens_per_day:
        entry["tokens_per_day"] = str(edit.tokens_per_day)
    return entry


def _changed_texts(edits: Sequence[TextEdit], known: Iterable[str], place: str) -> list[Tree]:
    old = {_id(text): text for text in known}
    out: list[Tree] = []
    for number, edit in enumerate(edits):
        text = edit.value.strip()
        if not text and edit.id not in old:
            where = f"{place}[{number}]"
            raise _gone(where) if edit.id else _wrong("This is empty.", f"{where}.value")
        out.append(text or old[edit.id])
    ids = [_id(str(text)) for text in out]
    _once(ids, [edit.value.strip() for edit in edits], place + "[{}].value")
    return out


def _accounts(document: Document, edits: Sequence[AccountEdit]) -> list[Tree]:
    old = {id_of(entry): entry for entry in account_entries(document)}
    entries = [_account(one, old, f"accounts[{number}]") for number, one in enumerate(edits)]
    fresh = ["".join(getattr(one, name) for name in _SECRETS).strip() for one in edits]
    _once([_login(entry) for entry in entries], fresh, "accounts[{}]")
    return [*entries]


def _login(entry: Mapping[str, Tree]) -> str:
    """What the id of an account hangs on, see ``Account.key``; the entry may be no good yet."""
    tokens = (entry.get(name) for name in ("refresh_token", "session_token", "access_token"))
    return f"{next(filter(None, tokens), '')}\n{entry.get('account_id', '')}"


def _account(edit: AccountEdit, old: Mapping[str, dict[str, Tree]], place: str) -> dict[str, Tree]:
    if edit.id and edit.id not in old:
        raise _gone(place)
    entry: dict[str, Tree] = dict(old.get(edit.id, {}))
    fresh = {name: str(getattr(edit, name)).strip() for name in _SECRETS}
    entry |= {name: text for name, text in fresh.items() if text}
    if edit.proxy is None:
        entry.pop("proxy", None)
    elif edit.proxy.strip():
        entry["proxy"] = edit.proxy.strip()
    plain = {"account_id": edit.account_id.strip(), "email": edit.email.strip(), "type": edit.type}
    entry |= plain | {"disabled": "true" if edit.disabled else ""}
    entry = {name: value for name, value in entry.items() if value != ""}
    if not any(entry.get(name) for name in _SECRETS):
        raise _wrong("An account needs a token.", place)
    return entry


def kept(
    document: Document, keep: Callable[[str], bool], more: Iterable[dict[str, Tree]] = ()
) -> dict[str, Tree]:
    """The accounts section with the entries whose id ``keep`` wants, and with more behind them."""
    entries = {id_of(entry): entry for entry in account_entries(document)}
    staying = {key: entry for key, entry in entries.items() if keep(key)}
    for entry in more:
        staying.setdefault(id_of(entry), entry)
    return {"chatgpts": list(staying.values())}

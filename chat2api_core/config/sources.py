"""The one reader of the environment: variables and one YAML file in, ``Settings`` out.

The environment wins over the file; of a setting's names the first given one wins; an empty text is
no setting. The one rule: nothing that was given is dropped silently. What has no effect becomes a
notice, what nobody knows becomes an error.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias, TypeVar

from msgspec import structs

from chat2api_core.accounts.account import Account
from chat2api_core.config.error import Mismatch, SettingsError, shown_key
from chat2api_core.config.foreign import foreign, misspelt
from chat2api_core.config.forms import Form
from chat2api_core.config.settings import Settings
from chat2api_core.config.table import ACCOUNT_ROWS, CONFIG_FILE, ENV, STORE, TABLE, Setting
from chat2api_core.config.tree import Tree, read_tree
from chat2api_core.stores.choose import MemoryChoice, StoreChoice, resolve

T = TypeVar("T")
Platform: TypeAlias = Literal["local", "vercel", "lambda"]

_LARGEST_FILE = 1_000_000
# What the platforms let through to a function, in bytes; they refuse more by themselves.
_PLATFORM_BODY: Mapping[Platform, int] = {"vercel": 4_500_000, "lambda": 6_000_000}

_NAMES = {name for setting in TABLE for name in setting.names}
_LEAVES = {setting.yaml for setting in TABLE if setting.yaml}
_BRANCHES = {path.rpartition(".")[0] for path in _LEAVES} - {""}


class _Given(NamedTuple):
    """A value that somebody gave, and the name to complain under."""

    name: str
    value: Tree


class _File(NamedTuple):
    """The YAML file in use: its tree, and its path to complain under; no path where none is."""

    path: Path | None = None
    tree: Tree = ""


def load(
    environ: Mapping[str, str],
    *,
    cwd: Path,
    read_file: Callable[[Path], bytes] = Path.read_bytes,
    text: str | None = None,
) -> Settings:
    """The settings that an environment and a folder give.

    ``read_file`` returns a file's bytes or raises ``OSError``; ``cwd`` is where ``conf/`` is and
    where relative paths start. A ``text`` stands in for the file's, whether there is one or not.
    Raises ``SettingsError`` for the first bad value."""
    platform = _platform(environ)
    file = _settings_file(environ, platform, cwd, read_file, text)
    accounts: dict[str, Account] = {}
    values: dict[str, object] = {}
    notices: list[str] = []
    for row in ACCOUNT_ROWS:  # every source adds to the pool; all other settings have one winner
        for source in _given(row, environ, file):
            for account in _read(row.form, source):
                first = accounts.setdefault(account.key, account)
                notices += _shadowed(account, first)
    for setting in TABLE:
        given = _given(setting, environ, file)
        if given and setting not in (*ACCOUNT_ROWS, STORE):
            values[setting.field] = _read(setting.form, given[0])
            notices += _notices(setting, given)
    values["accounts"] = tuple(accounts.values())
    values["store"] = store = _store(environ)
    if platform != "local":
        notices += _lost(store, accounts.values(), sealed="secret_key" in values)
    notices += (*foreign(environ), *misspelt(environ, _NAMES))
    values["config_file"] = file.path
    values["platform"] = platform
    values["notices"] = tuple(notices)
    local_keys = values.get("auth_tokens") or values.get("api_keys")
    values.setdefault("allow_upstream_tokens", not local_keys)
    values.setdefault("max_body", _PLATFORM_BODY.get(platform, Settings().max_body))
    return structs.replace(Settings(), **values)


def _platform(environ: Mapping[str, str]) -> Platform:
    """Where the process runs. ``vercel dev`` runs on the developer's own machine and sets neither
    variable of Vercel's functions: it is local."""
    if environ.get("AWS_LAMBDA_FUNCTION_NAME"):
        return "lambda"
    return "vercel" if environ.get("VERCEL") or environ.get("VERCEL_ENV") else "local"


def _given(setting: Setting[object], environ: Mapping[str, str], file: _File) -> list[_Given]:
    """What was given for a setting, the winner first."""
    found = [_Given(name, environ[name]) for name in setting.names if environ.get(name, "").strip()]
    if setting.yaml and (value := _at(file.tree, setting.yaml)):
        found.append(_Given(f"{file.path}: {setting.yaml}", value))
    return found


def _read(form: Form[T], given: _Given) -> T:
    try:
        return form.read(given.value)
    except Mismatch as mismatch:
        raise mismatch.named(given.name, form.expected) from None


def _notices(setting: Setting[object], given: list[_Given]) -> Iterable[str]:
    """What to tell about a setting that has no effect. A file that the environment overrules is
    no news."""
    winner, *others = (source.name for source in given)
    yield from (f"{name} is ignored: {winner} is set." for name in others if name in setting.names)


def _shadowed(account: Account, first: Account) -> Iterable[str]:
    """What to tell of an account whose sign-in was given before, for another upstream."""
    if account.type != first.type:
        yield (
            f"An account of type {account.type} is ignored: "
            f"the same sign-in is given as one of type {first.type}."
        )


def _store(environ: Mapping[str, str]) -> StoreChoice:
    try:
        return resolve(environ)
    except ValueError as error:
        # Its messages begin with the variable and hold no value.
        message = str(error)
        variable = message.partition(" ")[0].rstrip(":")
        raise SettingsError(variable, f"what makes a store usable. {message}") from None


def _lost(store: StoreChoice, accounts: Iterable[Account], *, sealed: bool) -> Iterable[str]:
    """What to tell about tokens that no other instance will know of."""
    if not any(account.refresh_token or account.session_token for account in accounts):
        return
    if isinstance(store, MemoryChoice):
        yield "Renewed tokens are lost with this instance: no store is set (STORE_URL)."
    elif not sealed:
        yield "Renewed tokens are lost with this instance: SECRET_KEY is not set to seal them."


# ------------------------------------------------------------------------------------- the file


def _settings_file(
    environ: Mapping[str, str],
    platform: Platform,
    cwd: Path,
    read_file: Callable[[Path], bytes],
    text: str | None,
) -> _File:
    """The YAML file in use, read and checked; an empty one where there is none."""
    explicit = _given(CONFIG_FILE, environ, _File())
    if explicit:
        path = cwd / str(_read(CONFIG_FILE.form, explicit[0]))
    elif platform == "local":
        env = _given(ENV, environ, _File())
        name = _read(ENV.form, env[0]) if env else Settings().env
        path = cwd / "conf" / f"app.{name}.yaml"
    elif text is not None:
        path = Path("the kept settings")
    else:
        return _File()
    if text is not None:
        return _checked(path, text.encode())
    try:
        raw = read_file(path)
    except FileNotFoundError:
        if not explicit:
            return _File()
        raise SettingsError(explicit[0].name, "the path of a file that exists") from None
    except OSError as error:
        raise SettingsError(str(path), "a file that can be read") from error
    return _checked(path, raw)


def _checked(path: Path, raw: bytes) -> _File:
    tree = _parse(path, raw)
    _check_keys(tree, f"{path}: ", "")
    return _File(path, tree)


def _parse(path: Path, raw: bytes) -> Tree:
    if len(raw) > _LARGEST_FILE:
        raise SettingsError(str(path), f"a file of at most {_LARGEST_FILE} bytes")
    try:
        return read_tree(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise SettingsError(str(path), "UTF-8 text") from None  # the cause holds the file
    except Mismatch as mismatch:
        raise mismatch.named(str(path)) from None


def _check_keys(tree: Tree, label: str, above: str) -> None:
    """Refuse a key that no setting has: a typo would silently change nothing."""
    if tree == "":
        return
    if not isinstance(tree, dict):
        raise SettingsError(label + (above.rstrip(".") or "top level"), "keys and values")
    for key, value in tree.items():
        path = above + key
        if "." not in key and path in _BRANCHES:
            _check_keys(value, label, f"{path}.")
        elif "." in key or path not in _LEAVES:
            raise SettingsError(label + above + shown_key(key), f"a known key ({_known(above)})")


def _known(above: str) -> str:
    paths = (path.removeprefix(above) for path in _LEAVES if path.startswith(above))
    return ", ".join(sorted({path.partition(".")[0] for path in paths}))


def _at(tree: Tree, path: str) -> Tree:
    """The value at a dotted path; "" where there is none."""
    for key in path.split("."):
        tree = tree.get(key, "") if isinstance(tree, dict) else ""
    return tree

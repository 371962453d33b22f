"""The settings as the docs show them: Markdown made from the table. Pure."""

from pathlib import Path

from chat2api_core.config import accounts, keys
from chat2api_core.config.accounts import Key
from chat2api_core.config.settings import Settings
from chat2api_core.config.table import TABLE, Setting
from chat2api_core.secret import Secret


def markdown() -> str:
    """The table of settings and the keys of the objects in it, with a newline at the end."""
    rows = (_row(setting) for setting in TABLE)
    return "\n".join(
        (
            "| Variable | In the file | Default | Meaning |",
            "|---|---|---|---|",
            *rows,
            "",
            "An object of `CHATGPT_ACCOUNTS` or `chatgpts` needs one of the first three keys:",
            "",
            *_keys(accounts.KEYS),
            "An object of `API_KEYS` or `auth.api_keys` needs the first:",
            "",
            *_keys(keys.KEYS),
        )
    )


def _keys(keys: tuple[Key, ...]) -> list[str]:
    rows = (f"| `{key.name}` | {key.about} |" for key in keys)
    return ["| Key | Meaning |", "|---|---|", *rows, ""]


def _row(setting: Setting[object]) -> str:
    names = " or ".join(f"`{name}`" for name in setting.names)
    yaml = f"`{setting.yaml}`" if setting.yaml else ""
    default = setting.default or _shown(getattr(Settings(), setting.field))
    return f"| {names} | {yaml} | {default} | {setting.about} |"


def _shown(default: object) -> str:
    """A default as a user would write it into the variable; nothing where there is none."""
    if isinstance(default, tuple):
        return ", ".join(_shown(item) for item in default)
    if isinstance(default, bool):
        return "`true`" if default else "`false`"
    if isinstance(default, float):
        return f"`{default:g}`"
    if isinstance(default, (str, int, Path)) and default != "":
        return f"`{default}`"
    assert default in (None, "", Secret("")), "a default that cannot be shown"
    return ""

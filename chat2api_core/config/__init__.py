"""Settings: from the environment and one optional YAML file to a frozen value.

``load`` is called once, by whoever starts the process; importing this reads nothing.
"""

from pathlib import Path

from chat2api_core.config.error import SettingsError
from chat2api_core.config.settings import Settings
from chat2api_core.config.sources import load
from chat2api_core.secret import Secret

__all__ = ["Settings", "SettingsError", "load", "write_auth_token"]


def write_auth_token(path: Path, token: Secret) -> None:
    """Put a local API key first into ``auth.access_tokens`` of a YAML file; see ``yaml_edit``."""
    from chat2api_core.config import yaml_edit  # noqa: PLC0415 (a first start needs it, no other)

    yaml_edit.write_auth_token(path, token)

"""Puts the gateway together: the only place that knows every concrete class.

Built once per process and kept, so that a warm instance keeps its connections.
"""

import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import structs

from chat2api_core.ambient import Ids, SystemClock, SystemIds
from chat2api_core.config import Settings, load
from chat2api_core.log import configure
from chat2api_core.stores.choose import LOCAL_FILE, MemoryChoice
from chat2api_core.wiring import settings_desk
from chat2api_core.wiring.gateway import Gateway

__all__ = ["Gateway", "build", "with_secret_key"]

_log = logging.getLogger("chat2api.wiring")


def build(
    settings: Settings | None = None,
    *,
    environ: Mapping[str, str] = os.environ,
    cwd: Path | None = None,
    adapt: Callable[[Settings], Settings] = lambda settings: settings,
) -> Gateway:
    """The gateway of this process, by default from the environment. ``adapt`` is done to settings
    whenever they are read again. Raises ``SettingsError``."""
    folder = cwd or Path.cwd()
    if settings is None:
        settings = adapt(load(environ, cwd=folder))
    local = settings.platform == "local"  # elsewhere there is no disk to write to
    file = settings.log_path / settings.log_file if local and settings.log_file else None
    configure(settings.log_level, file=file)
    clock, ids = SystemClock(), SystemIds()
    if local:
        settings = with_secret_key(settings, Path(LOCAL_FILE).with_name("secret.key"), ids)
    else:  # a command line shows them where there is one
        for notice in settings.notices:
            _log.warning("%s", notice)
    chosen = settings

    def reread(text: str) -> Settings:
        fresh = adapt(load(environ, cwd=folder, text=text))
        return structs.replace(fresh, secret_key=chosen.secret_key, store=chosen.store)

    desk = settings_desk.opened(chosen, reread, folder=folder, clock=clock, ids=ids)
    return Gateway(settings, clock=clock, ids=ids, desk=desk)


def with_secret_key(settings: Settings, path: Path, ids: Ids) -> Settings:
    """The settings of a local server with a key to seal with, made at its first start and kept in
    the file ``path``."""
    if settings.secret_key or isinstance(settings.store, MemoryChoice):
        return settings
    from chat2api_core.config import key_file  # noqa: PLC0415 (a local server's)

    try:
        key = key_file.read_or_make(path, ids)
    except OSError as error:
        _log.warning("renewed tokens are not kept: no key could be made (%s)", type(error).__name__)
        return settings
    return structs.replace(settings, secret_key=key)

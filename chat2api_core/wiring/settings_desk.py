"""Where the settings of this process are looked at and changed, and how they are kept from one look
to the next: in a file here, in the store elsewhere, or nowhere."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from chat2api_core.ambient import Clock, Ids
from chat2api_core.config import Settings
from chat2api_core.seal import Sealer
from chat2api_core.stores.guard import GuardedStore

if TYPE_CHECKING:
    from chat2api_core.admin.desk import Desk
    from chat2api_core.admin.homes import Home

_LOOK_HERE, _LOOK_AFAR = 1.0, 10.0  # seconds between two looks for changed settings


def opened(
    settings: Settings,
    reread: Callable[[str], Settings],
    *,
    folder: Path,
    clock: Clock,
    ids: Ids,
) -> "Callable[[GuardedStore], Desk]":
    """The desk of a process that reads its settings by ``reread``. ``folder`` is where it runs."""

    def desk(store: GuardedStore) -> "Desk":
        from chat2api_core.admin.desk import Desk  # noqa: PLC0415 (no chat request needs it)

        every = _LOOK_HERE if settings.platform == "local" else _LOOK_AFAR
        return Desk(_home(settings, folder, store, ids), reread, clock, every=every)

    return desk


def closed(settings: Settings, clock: Clock) -> "Callable[[GuardedStore], Desk]":
    """The desk of a process whose settings were given to it."""

    def desk(_: GuardedStore) -> "Desk":
        from chat2api_core.admin.desk import Desk  # noqa: PLC0415 (no chat request needs it)
        from chat2api_core.admin.homes import NoHome  # noqa: PLC0415 (the same)

        home = NoHome("The settings of this process are kept nowhere.")
        return Desk(home, lambda _: settings, clock, every=_LOOK_AFAR)

    return desk


def why_closed(settings: Settings, store: GuardedStore) -> str:
    """Why the settings document can be kept nowhere; empty where it can."""
    if settings.platform == "local":
        return ""
    if not store.durable:
        return "No store is set that lasts (STORE_URL), so nothing could be kept."
    if not settings.secret_key:
        return "SECRET_KEY is not set, so secrets could not be sealed in the store."
    return ""


def _home(settings: Settings, folder: Path, store: GuardedStore, ids: Ids) -> "Home":
    """Where the settings document is kept."""
    from chat2api_core.admin.homes import FileHome, NoHome, StoreHome  # noqa: PLC0415 (as above)

    if settings.platform == "local":
        return FileHome(settings.config_file or folder / "conf" / f"app.{settings.env}.yaml")
    if why := why_closed(settings, store):
        return NoHome(why)
    return StoreHome(store, Sealer(settings.secret_key, ids))

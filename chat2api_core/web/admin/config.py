"""``GET`` and ``PUT /admin/api/config``: the settings document, shown without secrets, saved by
version.

In: an ``Edit``. Out: what ``sections.shown`` returns, what comes from elsewhere (the environment)
and cannot be changed here, and where all of it is kept.
"""

from collections.abc import Iterable

from chat2api_core.admin.desk import Looked
from chat2api_core.admin.homes import Unwritable
from chat2api_core.admin.sections import Edit, changed, forms, mask, mask_proxy, shown
from chat2api_core.config import Settings, SettingsError
from chat2api_core.stores.base import StoreDown
from chat2api_core.web.admin.answers import answer, conflict, read
from chat2api_core.web.admin.outage import outage
from chat2api_core.web.exchange import Exchange


async def show_config(exchange: Exchange) -> None:
    """The document as it is, and what else is in effect."""
    gateway = exchange.gateway
    desk, settings = gateway.desk, gateway.settings
    fault = desk.fault
    try:
        document = await desk.look()
        sections = shown(document.tree)
    except (Unwritable, StoreDown, SettingsError) as error:
        document = Looked("", "")
        sections = shown({})
        fault = str(error)
    await answer(
        exchange,
        {
            "version": document.version,
            "where": desk.home.where,
            "closed": desk.home.closed,
            "fault": fault,
            "platform": settings.platform,
            "store": gateway.store.name,
            "durable": gateway.store.durable,
            "outage": outage(gateway),
            "notices": settings.notices,
            **sections,
            "elsewhere": _elsewhere(settings, sections),
        },
    )


async def save_config(exchange: Exchange) -> None:
    """Change the document; 409 where its version is another one by now."""
    edit = await read(exchange, Edit)
    if not await exchange.gateway.desk.save(edit.version, lambda tree: changed(tree, edit)):
        await conflict(exchange)
        return
    await answer(exchange, {"ok": True})


def _elsewhere(settings: Settings, sections: dict[str, object]) -> dict[str, object]:
    """What is in effect and does not stand in the document."""
    known = {name: _ids(entries) for name, entries in sections.items()}
    keys = [(key.fingerprint, mask(key.key.reveal()), key.name) for key in settings.api_keys]
    keys += [(key.fingerprint(), mask(key.reveal()), "") for key in settings.auth_tokens]
    return {
        "keys": [
            {"id": one, "shown": text, "name": name}
            for one, text, name in keys
            if one not in known["keys"]
        ],
        "prefixes": [
            {"id": one.fingerprint(), "shown": mask(one.reveal())}
            for one in settings.access_token_prefixes
            if one.fingerprint() not in known["prefixes"]
        ],
        "proxies": [
            {"id": one.fingerprint(), "shown": mask_proxy(one.reveal())}
            for one in settings.proxies
            if one.fingerprint() not in known["proxies"]
        ],
        "accounts": [
            {"id": one.key, "email": one.email, "type": one.type, "credentials": forms(one)}
            for one in settings.accounts
            if one.key not in known["accounts"]
        ],
    }


def _ids(entries: object) -> set[str]:
    assert isinstance(entries, Iterable)
    return {entry["id"] for entry in entries}

"""Who the caller is and what is on offer: models, accounts/check, me."""

from chat2api_core.emulator.catalog import models_document
from chat2api_core.emulator.exchange import Answer, Json, ok
from chat2api_core.emulator.world import Visit, World

_SUBSCRIPTIONS = {"plus": "chatgptplusplan", "team": "chatgptteamplan", "pro": "chatgptpro"}
_RENEWS = "2099-01-01T00:00:00+00:00"


def models(world: World, visit: Visit) -> Answer:  # noqa: ARG001 (the form of a handler)
    """``GET models``."""
    return ok(models_document(visit.caller))


def check(world: World, visit: Visit) -> Answer:  # noqa: ARG001 (the form of a handler)
    """``GET accounts/check/v4-2023-04-27``: the personal account and the workspaces."""
    account = visit.caller.account
    assert account is not None
    places: list[tuple[str, str, str | None, str]] = [
        (account.account_id, account.plan, None, "personal")
    ]
    places += [(one.id, one.plan, one.name, "workspace") for one in account.workspaces]
    accounts: Json = {
        place: _entry(account.user_id, place, plan, name, structure)
        for place, plan, name, structure in places
    }
    order = list(accounts)
    accounts["default"] = accounts[account.account_id]
    return ok({"accounts": accounts, "account_ordering": order})


def me(world: World, visit: Visit) -> Answer:  # noqa: ARG001 (the form of a handler)
    """``GET me``."""
    account = visit.caller.account
    assert account is not None
    organization: Json = {
        "object": "organization",
        "id": "org-emulator",
        "title": "Personal",
        "is_default": True,
        "role": "owner",
        "personal": True,
    }
    return ok(
        {
            "object": "user",
            "id": account.user_id,
            "email": account.email,
            "name": account.email.partition("@")[0],
            "picture": None,
            "created": 1690000000,
            "phone_number": None,
            "mfa_flag_enabled": False,
            "amr": [],
            "groups": [],
            "orgs": {"object": "list", "data": [organization]},
            "has_payg_project_spend_limit": True,
        }
    )


def _entry(user_id: str, place: str, plan: str, name: str | None, structure: str) -> Json:
    paid = plan != "free"
    return {
        "account": {
            "account_user_role": "account-owner",
            "account_user_id": f"{user_id}__{place}",
            "account_id": place,
            "name": name,
            "plan_type": plan,
            "structure": structure,
            "is_deactivated": False,
            "organization_id": None,
            "processor": {},
            "promo_data": {},
        },
        "features": ["canvas", "search"],
        "entitlement": {
            "subscription_id": "sub-emulator" if paid else None,
            "has_active_subscription": paid,
            "subscription_plan": _SUBSCRIPTIONS.get(plan, f"chatgpt{plan}plan"),
            "expires_at": _RENEWS if paid else None,
            "billing_period": "monthly" if paid else None,
        },
        "last_active_subscription": {
            "subscription_id": "sub-emulator" if paid else None,
            "purchase_origin_platform": "chatgpt_web" if paid else None,
            "will_renew": paid,
        },
        "can_access_with_session": True,
    }

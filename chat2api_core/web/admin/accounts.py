"""``GET /admin/api/accounts`` and ``POST /admin/api/accounts/{account}/{action}``: how the accounts
are, and what can be done for one: forget its rests, renew its token, try it, ask for its quotas.

The one rule: an account is named by its key, and nothing of its credentials is told but which kinds
there are.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from chat2api_core.accounts.account import Account
from chat2api_core.accounts.caller import TokenCaller
from chat2api_core.accounts.caps import Caps
from chat2api_core.accounts.member import Member, member_of, verdict
from chat2api_core.accounts.standing import Out, Standing
from chat2api_core.admin.sections import forms, mask_proxy
from chat2api_core.metering.report import Figures, last_used, summed
from chat2api_core.metering.use import DAY, day_of
from chat2api_core.problem import Kind, Problem
from chat2api_core.turn import Message, Prompt, Text
from chat2api_core.web.admin.answers import answer
from chat2api_core.web.admin.outage import counted, outage
from chat2api_core.web.admin.quotas import look_up, seen_since
from chat2api_core.web.exchange import Exchange

_WEEK = 7
_TRIAL = 60.0  # seconds that a trial turn may take
_QUESTION = "Reply with the single word: ok"


async def list_accounts(exchange: Exchange) -> None:
    """``{"now": ..., "accounts": [...]}``: every configured account and how it is; what was counted
    of them is that of ``coverage``."""
    gateway = exchange.gateway
    office, now = gateway.office, gateway.clock.now()
    accounts = gateway.settings.accounts
    keys = tuple(account.key for account in accounts)
    await office.ledger.look(keys)
    found = await counted(gateway, [day_of(now - back * DAY) for back in range(_WEEK)])
    sums = summed((row for row in found.rows if row.account), lambda row: row.account)
    used = await last_used(gateway.store, keys)
    members = {member.key: member for member in office.pool.members}
    listed: list[dict[str, object]] = []
    seen: dict[str, str] = {}
    tokens = await office.credentials.all_known(accounts)
    for account, kept in zip(accounts, tokens, strict=True):
        key = account.key
        member = members.get(key) or member_of(account)
        standing = office.ledger.standing(key)
        twin = seen.setdefault(member.identity, key) if member.identity else key
        listed.append(
            {
                **_described(account, member),
                **_state(member, standing, now, twin=twin),
                "quotas": _quotas(standing.caps, now),
                "expires": int(kept.expires),
                "renewed": int(kept.renewed),
                "last_used": used[key],
                **_week(sums.get(key, Figures())),
            }
        )
    told = {"now": int(now), "coverage": found.coverage, "outage": outage(gateway)}
    await answer(exchange, {**told, "accounts": listed})


async def act(exchange: Exchange) -> None:
    """Do something for one account and tell how it went: ``{"ok", "message", "ms"}``."""
    wanted = exchange.parameter("account")
    accounts = exchange.gateway.settings.accounts
    account = next((one for one in accounts if one.key == wanted), None)
    action = _ACTIONS.get(exchange.parameter("action"))
    if account is None or action is None:
        raise Problem(Kind.NOT_FOUND, "There is no such account or action.")
    clock = exchange.gateway.clock
    began = clock.monotonic()
    try:
        ok, message = True, await action(exchange, account)
    except Problem as problem:
        ok, message = False, f"{problem.code}: {problem.message}"
    ms = round((clock.monotonic() - began) * 1000)
    await answer(exchange, {"ok": ok, "message": message, "ms": ms})


async def _reset(exchange: Exchange, account: Account) -> str:
    await exchange.gateway.office.ledger.reset(account.key)
    return ""


async def _refresh(exchange: Exchange, account: Account) -> str:
    office = exchange.gateway.office
    current = (await office.credentials.known(account)).account
    try:
        renewed = await office.credentials.renewed(current)
    except Problem as problem:
        await office.ledger.blame(account.key, "", problem)
        raise
    if renewed is None:
        message = "This account has nothing to renew its access token with."
        raise Problem(Kind.INVALID_REQUEST, message, step="refresh")
    await office.ledger.praise(account.key, "")
    return ""


async def _quota(exchange: Exchange, account: Account) -> str:
    if not await look_up(exchange.gateway, account):
        message = "ChatGPT tells nothing of what this account may still use."
        raise Problem(Kind.NOT_FOUND, message, step="quota")
    return ""


async def _test(exchange: Exchange, account: Account) -> str:
    """One short turn with this account alone, whatever is thought of it, and its quotas."""
    gateway = exchange.gateway
    began = gateway.clock.now()
    text = await _tried(exchange, account)
    if seen_since(gateway, account, began):
        return text  # the answer has brought them along
    try:
        await look_up(gateway, account)
    except Problem as problem:
        return f"{text} (Its quotas are not known: {problem.code}.)"
    return text


async def _tried(exchange: Exchange, account: Account) -> str:
    prompt = Prompt("auto", (Message("user", (Text(_QUESTION),)),), temporary=True)
    try:
        async with asyncio.timeout(_TRIAL):
            reply = await exchange.gateway.engine.answer(prompt, TokenCaller(account))
            try:
                async for _ in reply:
                    pass
            finally:
                await reply.aclose()
    except TimeoutError:
        raise Problem(Kind.TIMEOUT, "There was no whole answer in time.", step="stream") from None
    return reply.transcript.text[:200]


_ACTIONS: Mapping[str, Callable[[Exchange, Account], Awaitable[str]]] = {
    "reset": _reset,
    "refresh": _refresh,
    "test": _test,
    "quota": _quota,
}


def _described(account: Account, member: Member) -> dict[str, object]:
    proxy = account.proxy.reveal()
    return {
        "id": member.key,
        "email": account.email,
        "type": account.type,
        "account_id": account.account_id,
        "plan": member.plan,
        "credentials": forms(account),
        "proxy": mask_proxy(proxy) if proxy else "",
    }


def _state(member: Member, standing: Standing, now: float, *, twin: str) -> dict[str, object]:
    """``state`` is one of ready, resting, out, disabled, double."""
    judged = verdict(member, standing, "", now).why_not
    running = {model: rest for model, rest in standing.rests.items() if rest.until > now}
    reason = judged.message if judged is not None else ""
    if member.account.disabled:
        state = "disabled"
    elif isinstance(judged, Out):
        state = "out"
    elif twin != member.key:
        state, reason = "double", twin
    else:
        state = "resting" if judged is not None or running else "ready"
    return {
        "state": state,
        "reason": reason,
        "rests": [
            {
                "model": model,
                "until": int(rest.until),
                "reason": rest.reason.lower(),
                "message": rest.message,
                "strikes": rest.strikes,
            }
            for model, rest in sorted(running.items())
        ],
    }


def _quotas(caps: Caps, now: float) -> list[dict[str, object]]:
    """What may still be used: percent ``used`` or a count ``remaining``, None where unknown."""
    return [
        {
            "name": name,
            "used": cap.used if cap.used >= 0 else None,
            "remaining": cap.remaining if cap.remaining >= 0 else None,
            "minutes": cap.minutes,
            "resets_at": int(cap.resets_at),
            "seen_at": int(cap.seen_at),
        }
        for name, cap in sorted(caps.items())
        if cap.known(now)
    ]


def _week(sums: Figures) -> dict[str, object]:
    return {
        "requests": sums.requests,
        "succeeded": sums.requests - sums.failed,
        "failed": sums.failed,
        "tokens": sums.tokens,
    }

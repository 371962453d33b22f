"""The accounts of the emulated service and the credentials that open them.

Input: a bearer token, a refresh token, a session cookie. Output: a ``Caller``, fresh tokens, or a
``Refused`` with the body of the real service. The rule: a credential opens its own account only,
for its own time, and a rotated one never again.

Without configured accounts the house is open: every token that ``tokens.make_access_token`` makes
is taken, and the demo account's refresh and session tokens are there.
"""

from collections import OrderedDict
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from chat2api_core.ambient import Clock, Ids
from chat2api_core.emulator.exchange import Json, Refused, refusal
from chat2api_core.emulator.faults import NAMED
from chat2api_core.emulator.tokens import (
    DEMO_ACCOUNT_ID,
    DEMO_EMAIL,
    DEMO_IOS_REFRESH_TOKEN,
    DEMO_REFRESH_TOKEN,
    DEMO_SESSION_TOKEN,
    DEMO_USER_ID,
    Claims,
    make_access_token,
    read_access_token,
)

IOS_CLIENT = "pdlLIX2Y72MIl2rhLhTE9VV9bN905kBh"
CODEX_CLIENT = "app_EMoamEEZ73f0CkXaXp7hrann"
ACCESS_SECONDS = 864_000
SESSION_COOKIE = "__Secure-next-auth.session-token"

_MAX_CREDENTIALS = 10_000


class Workspace(Struct, frozen=True):
    """A team workspace that an account may enter with the header ``ChatGPT-Account-ID``."""

    id: str
    plan: str = "team"
    name: str = "Team"


class Account(Struct, frozen=True):
    """An account of the service.

    Refresh tokens that begin with ``rt_`` are the Codex client's and rotate, others are the iOS
    client's and stay. Session tokens rotate. ``access_tokens`` are taken as they stand, whatever
    they look like, and never expire. ``models`` limits what the account may use (empty: all that
    its plan has)."""

    user_id: str = DEMO_USER_ID
    account_id: str = DEMO_ACCOUNT_ID
    email: str = DEMO_EMAIL
    plan: str = "plus"
    workspaces: tuple[Workspace, ...] = ()
    access_tokens: tuple[str, ...] = ()
    refresh_tokens: tuple[str, ...] = ()
    session_tokens: tuple[str, ...] = ()
    models: tuple[str, ...] = ()

    def mint(self, now: float, jti: str) -> str:
        """A fresh access token."""
        return make_access_token(
            account_id=self.account_id,
            user_id=self.user_id,
            plan=self.plan,
            email=self.email,
            iat=int(now),
            exp=int(now) + ACCESS_SECONDS,
            jti=jti,
        )


DEMO_ACCOUNT = Account(
    refresh_tokens=(DEMO_REFRESH_TOKEN, DEMO_IOS_REFRESH_TOKEN),
    session_tokens=(DEMO_SESSION_TOKEN,),
)


class Caller(Struct, frozen=True):
    """Who is calling: an account in one of its workspaces, or a device without a login."""

    device: str
    account: Account | None = None
    workspace: Workspace | None = None

    @property
    def owner(self) -> str:
        """The name under which conversations and tokens are kept."""
        if self.account is None:
            return f"device {self.device}"
        place = self.workspace.id if self.workspace else self.account.account_id
        return f"{self.account.user_id} in {place}"

    @property
    def plan(self) -> str:
        if self.workspace is not None:
            return self.workspace.plan
        return self.account.plan if self.account else ""

    @property
    def persona(self) -> str:
        """The sentinel's word for the kind of caller."""
        if self.account is None:
            return "chatgpt-noauth"
        return "chatgpt-freeaccount" if self.plan == "free" else "chatgpt-paid"


class Registry:
    """All accounts and live credentials."""

    def __init__(self, accounts: Sequence[Account] | None, clock: Clock, ids: Ids) -> None:
        self._open = accounts is None
        self._clock = clock
        self._ids = ids
        known = (DEMO_ACCOUNT,) if accounts is None else tuple(accounts)
        self._by_id = {account.account_id: account for account in known}
        self._fixed = {token: account for account in known for token in account.access_tokens}
        self._refresh: OrderedDict[str, Account] = OrderedDict(
            (token, account) for account in known for token in account.refresh_tokens
        )
        self._sessions: OrderedDict[str, Account] = OrderedDict(
            (token, account) for account in known for token in account.session_tokens
        )
        self._spent: OrderedDict[str, None] = OrderedDict()
        self._revoked: set[str] = set()

    def identify(self, authorization: str, workspace: str, device: str) -> Caller:
        """The caller of a bearer token. Raises ``Refused`` with a 401 or, for a strange workspace,
        a 403."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Refused(NAMED["401"])
        if token in self._revoked:
            raise Refused(NAMED["401 revoked"])
        account = self._fixed.get(token) or self._from_claims(read_access_token(token))
        if not workspace or workspace == account.account_id:
            return Caller(device, account)
        for known in account.workspaces:
            if known.id == workspace:
                return Caller(device, account, known)
        if self._open:
            return Caller(device, account, Workspace(workspace))
        detail = {"message": "You do not belong to this workspace.", "code": "workspace_forbidden"}
        raise Refused(refusal(403, detail))

    def _from_claims(self, claims: Claims | None) -> Account:
        if claims is None:
            raise Refused(NAMED["401 invalid"])
        if claims.exp <= self._clock.now():
            raise Refused(NAMED["401 expired"])
        account = self._by_id.get(claims.auth.chatgpt_account_id)
        if account is not None and account.plan == claims.auth.chatgpt_plan_type:
            return account
        if not self._open:
            raise Refused(NAMED["401 invalidated"])
        return Account(
            user_id=claims.auth.chatgpt_user_id,
            account_id=claims.auth.chatgpt_account_id,
            email=claims.profile.email,
            plan=claims.auth.chatgpt_plan_type,
        )

    def revoke(self, token: str) -> None:
        """From now on this access token is refused as revoked."""
        self._revoked.add(token)

    def refresh(self, client_id: str, token: str) -> Json:
        """The answer of the auth host to a refresh token. Raises ``Refused``."""
        rotates = token.startswith("rt_")
        if token in self._spent:
            raise Refused(NAMED["refresh_token_reused object"])
        account = self._refresh.get(token)
        if account is None or client_id != (CODEX_CLIENT if rotates else IOS_CLIENT):
            raise Refused(NAMED["invalid_grant"])
        access = account.mint(self._clock.now(), self._ids.hex(16))
        answer: Json = {
            "access_token": access,
            "id_token": access,
            "token_type": "Bearer",
            "expires_in": ACCESS_SECONDS,
            "scope": "openid profile email offline_access",
        }
        if rotates:
            answer["refresh_token"] = self._rotate(self._refresh, token, "rt_")
        return answer

    def sign_in(self) -> Json:
        """Fresh tokens of the Codex client for the first account, which is who signs in here."""
        account = next(iter(self._by_id.values()), DEMO_ACCOUNT)
        token = f"rt_{self._ids.hex(40)}"
        self._refresh[token] = account
        return self.refresh(CODEX_CLIENT, token)

    def session(self, token: str) -> tuple[Account, str] | None:
        """The account of a session token and the token that replaces it; None if logged out."""
        account = self._sessions.get(token)
        if account is None:
            return None
        return account, self._rotate(self._sessions, token, "eyJhbGciOiJkaXIifQ..")

    def mint(self, account: Account) -> str:
        """A fresh access token for this account."""
        return account.mint(self._clock.now(), self._ids.hex(16))

    def _rotate(self, live: OrderedDict[str, Account], old: str, prefix: str) -> str:
        fresh = prefix + self._ids.hex(40)
        live[fresh] = live.pop(old)
        self._spent[old] = None
        for bounded in (live, self._spent):
            while len(bounded) > _MAX_CREDENTIALS:
                bounded.popitem(last=False)
        return fresh


def read_accounts(body: bytes) -> list[Account]:
    """Accounts out of a JSON list. Raises ``ValueError``."""
    return msgspec.json.decode(body, type=list[Account])

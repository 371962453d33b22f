"""An account with the access token that it has now, and how long that lasts. Pure."""

from typing import TYPE_CHECKING

from msgspec import Struct

from chat2api_core.accounts.account import Account, read_claims

if TYPE_CHECKING:
    from chat2api_core.accounts.vault import Tokens


class SignedIn(Struct, frozen=True):
    """An account and when its access token ends; ``renewed`` is 0 where that is not known. All are
    unix seconds, an end of 0 means never."""

    account: Account
    expires: float
    renewed: float = 0.0

    @classmethod
    def of(cls, account: Account, renewed: float = 0.0) -> "SignedIn":
        """By what the account's token says of itself."""
        return cls(account, read_claims(account.access_token).expires, renewed)

    @property
    def tokens(self) -> "Tokens":
        """What a store keeps of it."""
        from chat2api_core.accounts.vault import Tokens  # noqa: PLC0415 (most stay as they are)

        return Tokens.of(self.account, self.renewed)

    def lasts(self, until: float) -> bool:
        """Whether the token works until then."""
        return bool(self.account.access_token) and (not self.expires or self.expires > until)

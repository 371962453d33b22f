"""The manner of an answer to somebody who brought an account along: what its links need is kept."""

from chat2api_core.accounts.account import Account
from chat2api_core.dialects.base import Encoder
from chat2api_core.reply import Reply
from chat2api_core.web.exchange import Exchange
from chat2api_core.web.links import links_of
from chat2api_core.web.respond import Manner


class Lending:
    """Another manner, in which the caller's account is kept as well if the answer links to what
    lies there."""

    def __init__(self, manner: Manner, exchange: Exchange, account: Account) -> None:
        self._manner = manner
        self._exchange = exchange
        self._account = account

    def encoder(self, reply: Reply | None, /) -> Encoder:
        return self._manner.encoder(reply)

    def document(self, reply: Reply, /) -> bytes:
        return self._manner.document(reply)

    async def keep(self, reply: Reply, /) -> None:
        exchange = self._exchange
        base = links_of(exchange)
        transcript = reply.transcript
        linked = any(picture.url for picture in transcript.pictures)
        if linked or (base and base in transcript.text):
            await exchange.gateway.media.loans.lend(self._account)
        await self._manner.keep(reply)

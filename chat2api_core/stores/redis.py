"""Redis over TCP or TLS (redis:// and rediss://), by redis-py.

In: commands of ``CommandStore``. Out: the replies. The one rule: every wait is bounded: for a free
connection, for connecting, for a reply. redis-py is imported here and nowhere else, and this module
only where Redis was chosen, because it costs as much to import as the rest of a cold start.
"""

from collections.abc import Sequence

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError, ResponseError
from redis.maint_notifications import MaintNotificationsConfig

from chat2api_core.secret import Secret
from chat2api_core.stores.base import NotACounter, StoreDown
from chat2api_core.stores.commands import PREFIX, CommandStore, Reply

_WAIT = 2.0  # seconds
_CONNECTIONS = 16


class TcpCarrier:
    """A pool of connections to one Redis, opened when they are needed."""

    def __init__(self, url: Secret, wait: float) -> None:
        pool = BlockingConnectionPool.from_url(
            url.reveal(),
            max_connections=_CONNECTIONS,
            timeout=wait,
            socket_timeout=wait,
            socket_connect_timeout=wait,
            decode_responses=True,
            # By itself redis-py sends a command again when the reply is missing, and so counts
            # twice. Whether that does harm is known to our caller only.
            retry=Retry(NoBackoff(), 0),
            # With these a connection that the server has closed is not looked at before it is used.
            maint_notifications_config=MaintNotificationsConfig(enabled=False),
        )
        self._redis = Redis(connection_pool=pool)

    async def aclose(self) -> None:
        await self._redis.aclose(close_connection_pool=True)

    async def run(self, command: Sequence[str]) -> Reply:
        try:
            reply: Reply = await self._redis.execute_command(  # type: ignore[no-untyped-call]
                *command  # (redis-py leaves this one without types)
            )
        except AuthenticationError as error:
            raise StoreDown("Redis refused the password of its address.") from error
        except ResponseError as error:
            if "not an integer" in str(error):
                raise NotACounter("This key holds a value, not a counter.") from error
            raise StoreDown("Redis refused a command.") from error
        except (RedisError, OSError, TimeoutError) as error:
            raise StoreDown(f"Redis cannot be reached ({type(error).__name__}).") from error
        return reply


def redis_store(url: Secret, *, prefix: str = PREFIX, wait: float = _WAIT) -> CommandStore:
    """A ``Store`` in the Redis at ``url``; ``wait`` bounds each step, in seconds.

    Raises ValueError for a URL that redis-py cannot read. Connects at the first question."""
    return CommandStore("redis", TcpCarrier(url, wait), prefix)

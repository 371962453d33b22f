"""Every setting of the gateway, as one frozen value.

``load`` makes it from the environment and the file; tests make it by hand. The defaults stand here
and nowhere else: the table of settings shows them from here.
"""

from pathlib import Path
from typing import Literal

from msgspec import Struct

from chat2api_core import __version__
from chat2api_core.accounts.account import Account
from chat2api_core.aliases import Alias
from chat2api_core.keys import ApiKey
from chat2api_core.secret import Secret
from chat2api_core.stores.choose import MemoryChoice, StoreChoice


class Settings(Struct, frozen=True):
    """Times are seconds, sizes are bytes. ``repr`` shows no secret.

    ``allow_upstream_tokens`` and ``max_body`` are resolved: ``load`` has put in what hangs on the
    other settings and on the platform. ``notices`` are sentences about settings that were given
    and have no effect, for whoever starts the process to print.
    """

    # who may call
    auth_tokens: tuple[Secret, ...] = ()
    api_keys: tuple[ApiKey, ...] = ()
    access_token_prefixes: tuple[Secret, ...] = ()
    allow_upstream_tokens: bool = False
    anonymous: bool = False
    admin_key: Secret = Secret("")
    # who answers
    accounts: tuple[Account, ...] = ()
    random_token: bool = True
    retry_times: int = 3
    enable_limit: bool = False
    account_concurrency: int = 0
    # what instances share
    store: StoreChoice = MemoryChoice()
    secret_key: Secret = Secret("")
    scheduled_refresh: bool = False
    cron_secret: Secret = Secret("")
    # how ChatGPT is reached
    upstream: Literal["auto", "web", "codex"] = "auto"
    model_aliases: tuple[Alias, ...] = ()
    base_urls: tuple[str, ...] = ("https://chatgpt.com",)
    auth_url: str = "https://auth.openai.com"
    auth_key: Secret = Secret("")
    proxies: tuple[Secret, ...] = ()
    export_proxy: Secret = Secret("")
    user_agent: str = f"Mozilla/5.0 (compatible; chat2api/{__version__})"
    http_backend: Literal["auto", "httpx", "aiohttp"] = "auto"
    connect_timeout: float = 10.0
    read_timeout: float = 120.0
    # what is said to ChatGPT
    chatgpt_protocol: Literal["auto", "current", "legacy"] = "auto"
    conversation_only: bool = False
    history_disabled: bool = True
    max_continues: int = 3
    pow_algorithm: Literal["auto", "sha3", "fnv"] = "auto"
    pow_difficulty: str = "000032"
    pow_timeout: float = 10.0
    responses_ttl: float = 604_800.0
    tool_retries: int = 1
    tool_retry_time: float = 60.0
    upload_by_url: bool = False
    max_file: int = 20_000_000
    image_timeout: float = 300.0
    media_ttl: float = 86_400.0
    public_url: str = ""
    # what is said to clients
    api_prefix: str = ""
    cors_origins: tuple[str, ...] = ()
    heartbeat: float = 10.0
    answer_timeout: float = 0.0
    max_body: int = 20_000_000
    models_ttl: float = 300.0
    usage_counter: Literal["auto", "estimate"] = "auto"
    # the process
    bind: str = "127.0.0.1"
    port: int = 3040
    log_level: Literal["debug", "info", "warning", "error", "critical"] = "info"
    log_path: Path = Path("logs")
    log_file: str = ""
    env: str = "dev"
    config_file: Path | None = None
    platform: Literal["local", "vercel", "lambda"] = "local"
    notices: tuple[str, ...] = ()

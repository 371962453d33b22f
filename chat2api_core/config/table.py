"""The table of settings: the one place where each is declared.

``load`` reads by it and the docs show it. A setting is a row here and a field of ``Settings``,
which holds its default.
"""

from typing import Generic, NamedTuple, TypeVar

from chat2api_core.config.accounts import ACCOUNTS, TOKENS
from chat2api_core.config.forms import (
    ALIAS,
    API_PREFIX,
    FLAG,
    HEX,
    LINE,
    ORIGIN,
    PATH,
    PROXY,
    SECRET,
    SECRET_KEY,
    TEXT,
    WEB_URL,
    Form,
    choice,
    many,
    matching,
    seconds,
    whole,
)
from chat2api_core.config.keys import API_KEYS

T_co = TypeVar("T_co", covariant=True)


class Setting(NamedTuple, Generic[T_co]):
    """One row. ``names`` are the variables, the canonical one first; ``yaml`` is the dotted path in
    the file, empty where the file has no such key. ``default`` is shown instead of the field's own
    default where that says too little."""

    field: str
    names: tuple[str, ...]
    form: Form[T_co]
    about: str
    yaml: str = ""
    default: str = ""


_HTTP_BACKENDS = choice("auto", "httpx", "aiohttp")
_LEVELS = choice(
    "debug", "info", "warning", "error", "critical",
    aliases=(("warn", "warning"), ("fatal", "critical")),
)  # fmt: skip

# The two that say where the file is; read before it, so it cannot hold them.
ENV = Setting(
    "env", ("ENV",), matching("letters, digits, dashes and underscores", r"[\w-]{1,64}"),
    "Names the file of settings: `conf/app.<ENV>.yaml`, read if it is there (not on Vercel or "
    "Lambda).",
)  # fmt: skip
CONFIG_FILE = Setting(
    "config_file", ("VERCEL_CONFIG_FILE",), PATH,
    "Path of a YAML file to read instead, on every platform. It must exist.",
)  # fmt: skip

# Which of several variables names the store is decided by all of them together.
STORE = Setting(
    "store", ("STORE_URL",), TEXT,
    "Where instances share what they know: `memory:`, `sqlite:PATH`, `redis://…`, `rediss://…`, "
    "`upstash+https://:TOKEN@HOST` or `dynamodb://TABLE?region=…`. If it is not set, "
    "`KV_REST_API_URL` and `_TOKEN`, `UPSTASH_REDIS_REST_URL` and `_TOKEN`, `REDIS_URL` or "
    "`DYNAMODB_TABLE` name it.",
    default="`sqlite:.data/chat2api.db`; on Vercel and Lambda `memory:`",
)  # fmt: skip

# fmt: off
# The sources of the pool. They add up, in this order and the file last.
ACCOUNT_ROWS = (
    Setting("accounts", ("CHATGPT_ACCESS_TOKENS",), TOKENS,
            "Accounts of the pool as bare tokens. `token,account-id` selects a workspace."),
    Setting("accounts", ("CHATGPT_ACCOUNTS",), ACCOUNTS,
            "Accounts of the pool as a JSON or YAML list of objects, see below. All three "
            "sources add up.",
            "chatgpts"),
)

TABLE: tuple[Setting[object], ...] = (
    Setting("auth_tokens", ("AUTH_TOKENS", "AUTHORIZATION"), many(SECRET),
            "Local API keys: who holds one may use the pool of accounts.",
            "auth.access_tokens"),
    Setting("api_keys", ("API_KEYS",), API_KEYS,
            "More local API keys, each with a name, an end and limits: a JSON or YAML list of "
            "objects, see below.",
            "auth.api_keys"),
    Setting("access_token_prefixes", ("ACCESS_TOKEN_PREFIXES", "ACCESS_TOKEN_PREFIX"),
            many(SECRET),
            "Private prefixes: `<prefix><token>` as API key passes that ChatGPT token through.",
            "auth.access_token_prefix"),
    Setting("allow_upstream_tokens", ("ALLOW_UPSTREAM_TOKENS",), FLAG,
            "Whether a bare ChatGPT token is accepted as API key.",
            default="`true` only if no local key is set"),
    Setting("anonymous", ("ANONYMOUS",), FLAG,
            "Whether a request without any key is answered, by chat without login."),
    Setting("admin_key", ("ADMIN_KEY",), SECRET,
            "Opens the pages under `/admin`. Without it a local API key does, which is less safe.",
            "auth.admin_key"),
    *ACCOUNT_ROWS,
    Setting("random_token", ("RANDOM_TOKEN",), FLAG,
            "Whether accounts are picked at random, or else in turn."),
    Setting("retry_times", ("RETRY_TIMES",), whole(0, 20),
            "How often a failed turn is tried again before its first word."),
    Setting("enable_limit", ("ENABLE_LIMIT",), FLAG,
            "Honour known usage caps before asking, for tokens that callers bring too: 429 until "
            "they end. Accounts of the pool always rest."),
    Setting("account_concurrency", ("ACCOUNT_CONCURRENCY",), whole(0, 1000),
            "How many requests an account serves at the same time, on all instances together; 0 "
            "sets no limit."),
    STORE,
    Setting("secret_key", ("SECRET_KEY",), SECRET_KEY,
            "Seals the tokens that the store keeps; the same on all instances. Without it none are "
            "kept (locally a key is made: `.data/secret.key`)."),
    Setting("scheduled_refresh", ("SCHEDULED_REFRESH",), FLAG,
            "Whether the local server renews tokens by itself: those that end within a day, and "
            "all that are four days old. Elsewhere `/api/cron/refresh` does it."),
    Setting("cron_secret", ("CRON_SECRET",), SECRET,
            "The bearer token that `/api/cron/refresh` wants; without it that route is closed."),
    Setting("upstream", ("UPSTREAM",), choice("auto", "web", "codex"),
            "Which backend answers: `auto` decides by accounts, model and need."),
    Setting("model_aliases", ("MODEL_ALIASES",), many(ALIAS),
            "Names of models that stand for others, for clients that insist on theirs: "
            "`gpt-3.5-turbo=auto, gpt-4o*=gpt-5.5`."),
    Setting("base_urls", ("CHATGPT_BASE_URL",), many(WEB_URL),
            "Where ChatGPT is. A comma list rotates.", "chatgpt_base_url"),
    Setting("auth_url", ("CHATGPT_AUTH_URL",), WEB_URL, "Where its login is."),
    Setting("auth_key", ("AUTH_KEY",), SECRET,
            "Sent as the headers `auth_key` and `authkey`, for a private gateway in front of "
            "ChatGPT."),
    Setting("proxies", ("PROXY", "PROXY_URL"), many(PROXY),
            "Proxies on the way to ChatGPT: http, https, socks5 or socks5h. A comma list "
            "rotates.", "proxy"),
    Setting("export_proxy", ("EXPORT_PROXY_URL",), PROXY,
            "Proxy for fetching pictures and files."),
    Setting("user_agent", ("USER_AGENT",), LINE, "How the gateway names itself to ChatGPT.",
            default="`Mozilla/5.0 (compatible; chat2api/<version>)`"),
    Setting("http_backend", ("HTTP_BACKEND",), _HTTP_BACKENDS,
            "HTTP client: `httpx` starts fast, `aiohttp` serves many; `auto` chooses by "
            "platform and what is installed."),
    Setting("connect_timeout", ("CONNECT_TIMEOUT",), seconds(0.1, 600),
            "Seconds to wait for a connection to ChatGPT."),
    Setting("read_timeout", ("READ_TIMEOUT",), seconds(1, 3600),
            "Seconds of silence from ChatGPT after which a turn has failed."),
    Setting("chatgpt_protocol", ("CHATGPT_PROTOCOL",), choice("auto", "current", "legacy"),
            "Which of ChatGPT's request paths is used; `auto` falls back by itself."),
    Setting("conversation_only", ("CONVERSATION_ONLY",), FLAG,
            "Send the conversation and nothing before it: a gateway in between does the rest."),
    Setting("history_disabled", ("HISTORY_DISABLED",), FLAG,
            "Keep chats out of the account's history."),
    Setting("max_continues", ("MAX_CONTINUES",), whole(0, 20),
            "How often an answer that met ChatGPT's length limit is continued."),
    Setting("pow_algorithm", ("POW_ALGORITHM",), choice("auto", "sha3", "fnv"),
            "Which proof of work is done."),
    Setting("pow_difficulty", ("POW_DIFFICULTY",), HEX,
            "A proof of work at or below this difficulty (smaller is harder) is refused."),
    Setting("pow_timeout", ("POW_TIMEOUT",), seconds(0.1, 600),
            "Seconds that a proof of work may take."),
    Setting("responses_ttl", ("RESPONSES_TTL",), seconds(1, 31_536_000),
            "Seconds that a response is kept, to go on from it by `previous_response_id`."),
    Setting("tool_retries", ("TOOL_RETRIES",), whole(0, 5),
            "How often the model is asked again for a tool call or JSON that it got wrong."),
    Setting("tool_retry_time", ("TOOL_RETRY_TIME",), seconds(0, 3600),
            "Seconds from a turn's beginning after which it is not asked again."),
    Setting("upload_by_url", ("UPLOAD_BY_URL",), FLAG,
            "Fetch files whose URLs stand at the beginning or end of a message, and pass them on."),
    Setting("max_file", ("MAX_FILE",), whole(1_000, 1_000_000_000),
            "Largest file or picture, in bytes, that is fetched from a URL or uploaded."),
    Setting("image_timeout", ("IMAGE_TIMEOUT",), seconds(1, 3600),
            "Seconds that a picture may take."),
    Setting("media_ttl", ("MEDIA_TTL",), seconds(60, 31_536_000),
            "Seconds that a link to a picture or file of an answer works."),
    Setting("public_url", ("PUBLIC_URL",), WEB_URL,
            "Where clients reach the gateway, for links in answers; else what each request says."),
    Setting("api_prefix", ("API_PREFIX",), API_PREFIX, "Path in front of every route."),
    Setting("cors_origins", ("CORS_ORIGINS",), many(ORIGIN),
            "Web origins whose pages may call, such as `https://app.example`; `*` for all."),
    Setting("heartbeat", ("HEARTBEAT",), seconds(0, 3600),
            "Seconds of silence in a stream before a keep-alive comment, the first within one "
            "second; 0 sends none."),
    Setting("answer_timeout", ("ANSWER_TIMEOUT",), seconds(0, 86_400),
            "Seconds that an answer may take before it is ended as too long; 0 is no limit. Vercel "
            "and Lambda tell their own, which count as well."),
    Setting("max_body", ("MAX_BODY",), whole(1_000, 1_000_000_000),
            "Largest request body in bytes.",
            default="`20000000` (Vercel `4500000`, Lambda `6000000`)"),
    Setting("models_ttl", ("MODELS_TTL",), seconds(0, 86_400),
            "Seconds that the list of models is kept."),
    Setting("usage_counter", ("USAGE_COUNTER",), choice("auto", "estimate"),
            "How usage is counted; `auto` is exact where the tokenizer is installed."),
    Setting("bind", ("BIND",), matching("a host name or an IP address", r"[\w.:-]{1,255}"),
            "Address that the local server listens on.", "bind"),
    Setting("port", ("PORT",), whole(0, 65_535), "Its port; 0 takes a free one.", "port"),
    Setting("log_level", ("LOG_LEVEL",), _LEVELS,
            "`debug`, `info`, `warning`, `error` or `critical`.", "log_level"),
    Setting("log_path", ("LOG_PATH",), PATH, "Folder of the log file.", "log_path"),
    Setting("log_file", ("LOG_FILE",), matching("a file name", r"[\w.-]{1,255}"),
            "Name of a file to log to as well; used locally only.", "log_file"),
    ENV,
    CONFIG_FILE,
)
# fmt: on

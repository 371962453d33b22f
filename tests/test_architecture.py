"""Who imports whom: the table of ARCHITECTURE.md, read off the sources."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CORE = ROOT / "chat2api_core"

VOCABULARY = {"turn", "stage", "problem", "secret", "ambient", "transcript", "effort", "painters"}
VOCABULARY |= {"carried", "compaction"}
# Longest prefix wins. What a package may import of ours, besides itself.
ALLOWED: dict[str, set[str]] = {
    "__init__": set(),
    "turn": set(),
    "stage": set(),
    "problem": set(),
    "secret": set(),
    "ambient": set(),
    "transcript": {"turn"},
    "effort": {"turn"},
    "painters": set(),
    "carried": {"turn"},
    "compaction": {"turn"},
    "fetch": VOCABULARY,
    "abreast": set(),
    "intake": VOCABULARY | {"abreast", "kept.files", "media"},
    "wire": {"stage", "problem"},
    "dialects": VOCABULARY | {"wire", "dialects.base", "dialects.parameters"},
    "limits": VOCABULARY,
    "usage": VOCABULARY,
    "meter": VOCABULARY | {"usage"},
    "toolcalls": VOCABULARY,
    "accounts": VOCABULARY | {"abreast", "seal", "stores.base"},
    "accounts.exchange": VOCABULARY | {"transport"},
    "upstreams": VOCABULARY
    | {"wire", "accounts.account", "upstreams.base", "upstreams.pause", "upstreams.quote"},
    "upstreams.directory": {"upstreams.base"},
    "upstreams.chatgpt_web.site": VOCABULARY | {"accounts.account", "transport"},
    "upstreams.chatgpt_web.attachments": VOCABULARY | {"media.asset"},
    "upstreams.chatgpt_web.uploads": VOCABULARY
    | {"abreast", "media", "stores.base", "transport", "upstreams.quote"},
    "upstreams.chatgpt_web.handout": VOCABULARY | {"media.links"},
    "upstreams.chatgpt_web.downloads": VOCABULARY
    | {"accounts.account", "media.download", "transport"},
    "upstreams.chatgpt_web.answer": VOCABULARY | {"wire", "upstreams.base", "transport"},
    "upstreams.chatgpt_web.speech": VOCABULARY | {"wire", "accounts.account", "media", "transport"},
    "upstreams.chatgpt_web.transcription": VOCABULARY | {"accounts.account", "media"},
    "upstreams.chatgpt_web.sites": VOCABULARY | {"accounts", "transport", "config"},
    "upstreams.chatgpt_web.launch": VOCABULARY | {"transport", "config"},
    "upstreams.chatgpt_web.allowance": VOCABULARY | {"accounts.account"},
    "upstreams.chatgpt_web.client": VOCABULARY
    | {"accounts", "upstreams.base", "transport", "config", "media"},
    "upstreams.codex.backend": VOCABULARY | {"transport", "accounts.account", "upstreams.quote"},
    "upstreams.codex.client": VOCABULARY
    | {"wire", "accounts", "upstreams.base", "transport", "config"},
    "choice": VOCABULARY | {"accounts.account", "upstreams.base"},
    "taught": VOCABULARY | {"toolcalls", "accounts.account", "upstreams.base"},
    "kept": VOCABULARY | {"seal", "stores.base"},
    "kept.thoughts": {"turn"},
    "kept.loans": VOCABULARY | {"accounts.account", "seal", "stores.base"},
    "media": VOCABULARY,
    "media.links": VOCABULARY | {"seal"},
    "media.download": VOCABULARY | {"transport.base"},
    "stores": VOCABULARY,
    "seal": VOCABULARY,
    "transport": VOCABULARY,
    "config": VOCABULARY
    | {"", "aliases", "accounts.account", "accounts.token_form", "keys", "stores.choose"},
    "log": set(),
    "keys": {"secret"},
    "admin": VOCABULARY
    | {"keys", "seal", "config", "accounts", "stores.base", "stores.guard", "transport"}
    | {"upstreams.base"},
    "metering": VOCABULARY | {"keys", "stores.base", "stores.guard"},
    "engine": VOCABULARY
    | {"", "kept.thoughts", "reply", "choice", "listings", "accounts", "upstreams.base"},
    "listings": VOCABULARY | {"choice", "accounts", "upstreams.base"},
    "reply": VOCABULARY | {"", "kept.thoughts", "limits", "accounts", "upstreams.base"},
    "catalog": VOCABULARY | {"accounts", "upstreams.base"},
    "web": VOCABULARY
    | {"", "aliases", "dialects.base", "engine", "reply", "choice", "wiring", "config", "accounts"}
    | {"upstreams.base", "kept.files", "media"}
    | {"keys", "metering", "admin", "stores.base"},
    "web.files": VOCABULARY | {"dialects", "accounts", "kept.files", "media", "stores.base"},
    "web.chat": VOCABULARY | {"dialects"},
    "web.audio": VOCABULARY
    | {"dialects", "accounts", "engine", "media", "reply", "upstreams.base"},
    "web.speech": VOCABULARY | {"dialects", "accounts", "upstreams.chatgpt_web.speech"},
    "web.images": VOCABULARY | {"dialects", "accounts", "reply", "media"},
    "web.compaction": VOCABULARY
    | {"dialects", "accounts", "choice", "kept.thoughts", "upstreams.codex.compaction"},
    "web.responses": VOCABULARY | {"dialects", "accounts", "engine", "reply", "kept.history"},
    "login": VOCABULARY | {"", "accounts.account", "config", "port", "transport"},
    "emulator": {"", "ambient", "port"},
    "server": {"", "accounts", "config", "emulator", "secret", "web", "wiring"},
    "command": {"", "ambient", "config", "login", "port", "secret", "server"},
    "port": set(),
    "aliases": set(),
    "__main__": {"command"},
}
# Third-party packages that one place alone may import.
RESERVED = {
    "httpx": {"transport.httpx_route"},
    "multidict": {"transport"},
    "yarl": {"transport"},
    "aiohttp": {"transport"},
    # (fetch: a connection must go to the very address that was checked)
    "httpcore": {"fetch", "transport"},
    "starlette": {"web"},
    "mangum": {"web"},
    "yaml": {"config"},
    "uvicorn": {"server", "emulator"},
    "websockets": {"upstreams.chatgpt_web.socket"},
}
# Modules whose results depend on their inputs alone.
PURE = [
    "turn", "transcript", "stage", "problem", "effort", "kept.thoughts", "choice", "limits", "wire",
    "dialects", "toolcalls", "painters", "carried", "compaction", "fetch.address", "intake.texts",
    "accounts.caps", "accounts.digest", "accounts.member", "accounts.shortage", "accounts.standing",
    "stores.backoff", "stores.debts", "stores.dynamodb_counts",
    "media.asset", "media.data_url", "media.kind", "media.picture", "media.upload", "web.paths",
    "web.nowhere", "aliases", "upstreams.pause",
] + [
    f"upstreams.chatgpt_web.{name}"
    for name in (
        "attachments", "branch", "canvas", "catalog", "citations", "commission", "complaint",
        "composition", "content", "conversation", "cursor", "decline", "delta", "echoes", "faults",
        "fence", "fnv", "frames", "handout", "headers", "manuscript", "memory", "messages",
        "notice", "page", "proof", "reader", "request", "requirements", "rope", "sandbox", "scribe",
        "searches", "shapes", "sources", "switches", "target", "textdoc", "thinking", "topics",
        "utterance", "waiting",
    )
] + [
    f"upstreams.codex.{name}"
    for name in (
        "calls", "catalog", "compaction", "events", "faults", "hosted", "items", "names", "quota",
        "reader", "request", "text", "thinking",
    )
] + ["emulator.codex"]  # fmt: skip
IMPURE_IMPORTS = {
    "asyncio",
    "os",
    "random",
    "secrets",
    "socket",
    "time",
    "uuid",
    "httpx",
    "httpcore",
}


def sources() -> list[Path]:
    return sorted(CORE.rglob("*.py"))


def name_of(path: Path) -> str:
    parts = path.relative_to(CORE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__") or "__init__"


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, also late and for types only, in full."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            assert node.module is not None
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                is_module = (ROOT / whole.replace(".", "/")).with_suffix(".py").exists()
                is_package = (ROOT / whole.replace(".", "/")).is_dir()
                yield whole if is_module or is_package else node.module


def longest(name: str, table: "dict[str, set[str]]") -> set[str] | None:
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        if ".".join(parts[:end]) in table:
            return table[".".join(parts[:end])]
    return None


def within(name: str, packages: "set[str] | list[str]") -> bool:
    return any(name == one or name.startswith(f"{one}.") for one in packages if one)


def home(name: str) -> str:
    """The package that a module belongs to, within which it may import freely."""
    parts = name.split(".")
    return ".".join(parts[:2]) if parts[0] in {"dialects", "upstreams"} else parts[0]


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_a_module_imports_only_what_the_table_allows(path: Path) -> None:
    name = name_of(path)
    if within(name, ["wiring"]):
        forbidden = {"web", "dialects"}
        ours = {i.removeprefix("chat2api_core.") for i in imports(path) if "chat2api_core" in i}
        assert not [one for one in ours if within(one, forbidden)]
        return
    allowed = longest(name, ALLOWED)
    assert allowed is not None, f"{name} is not in the table"
    for imported in imports(path):
        if imported.split(".")[0] not in {"chat2api_core", "api"}:
            continue
        if imported.startswith("api"):
            assert name == "server", f"{name} imports {imported}"
            continue
        inner = imported.removeprefix("chat2api_core").removeprefix(".")
        free = (inner == "" and "" in allowed) or within(inner, allowed)
        assert free or within(inner, {home(name)}), f"{name} imports {inner or 'chat2api_core'}"


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_a_reserved_package_is_imported_in_its_place_only(path: Path) -> None:
    name = name_of(path)
    for imported in imports(path):
        places = RESERVED.get(imported.split(".")[0])
        assert places is None or within(name, places), f"{name} imports {imported}"


@pytest.mark.parametrize("path", [p for p in sources() if within(name_of(p), PURE)], ids=name_of)
def test_a_pure_module_reaches_for_nothing_ambient(path: Path) -> None:
    assert not {imported.split(".")[0] for imported in imports(path)} & IMPURE_IMPORTS


@pytest.mark.parametrize("path", sorted((ROOT / "api").rglob("*.py")), ids=str)
def test_a_handler_is_thin(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert all(
        within(i.removeprefix("chat2api_core."), {"web", "dialects", "wiring"})
        for i in imports(path)
        if i.startswith("chat2api_core")
    )
    statements = sum(isinstance(node, ast.stmt) for node in ast.walk(tree))
    assert statements <= 20, "a decision in api/ belongs into the core"


def test_the_standard_library_is_what_it_was_thought_to_be() -> None:
    assert IMPURE_IMPORTS - {"httpcore", "httpx"} <= sys.stdlib_module_names

"""A faithful, strict, scriptable emulator of the ChatGPT web backend: to try, to test, to measure.

``Emulator`` is an ASGI application. It checks what the real service checks (proofs of work, tokens
that are used once, bodies) and keeps conversations. What it says and where it fails is scripted::

    emulator = Emulator()
    emulator.script.push(Reply((Think("Planning", ("Hm.",)), Say(("Hello", " there")))))
    emulator.script.push(At("conversation", Named("429 cap")))

``python -m chat2api_core.emulator`` serves it.
"""

from chat2api_core.emulator.accounts import DEMO_ACCOUNT, Account, Workspace
from chat2api_core.emulator.app import Emulator
from chat2api_core.emulator.asked import Model, Turn
from chat2api_core.emulator.faults import NAMED, Hang, Interrupt, Late, Named, Respond
from chat2api_core.emulator.replies import (
    Aside,
    Call,
    Canvas,
    Cite,
    Code,
    Cut,
    Fail,
    Frame,
    Handoff,
    Hidden,
    Image,
    Moderated,
    OldThought,
    Ping,
    Quote,
    Reply,
    Say,
    Search,
    Source,
    Stall,
    Stop,
    Task,
    Think,
    ToolError,
    Typed,
    Wait,
    Wire,
    Written,
)
from chat2api_core.emulator.script import At, Demands
from chat2api_core.emulator.tokens import (
    DEMO_ACCESS_TOKEN,
    DEMO_REFRESH_TOKEN,
    DEMO_SESSION_TOKEN,
    make_access_token,
)

__all__ = [
    "DEMO_ACCESS_TOKEN", "DEMO_ACCOUNT", "DEMO_REFRESH_TOKEN", "DEMO_SESSION_TOKEN", "NAMED",
    "Account", "Aside", "At", "Call", "Canvas", "Cite", "Code", "Cut", "Demands", "Emulator",
    "Fail", "Frame", "Handoff", "Hang", "Hidden", "Image", "Interrupt", "Late", "Model",
    "Moderated", "Named", "OldThought", "Ping", "Quote", "Reply", "Respond", "Say", "Search",
    "Source", "Stall", "Stop", "Task", "Think", "ToolError", "Turn", "Typed", "Wait", "Wire",
    "Workspace", "Written", "make_access_token",
]  # fmt: skip

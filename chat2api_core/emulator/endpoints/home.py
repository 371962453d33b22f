"""The home page and its script: where a client picks up the inputs of its proof of work."""

from chat2api_core.emulator.exchange import Answer
from chat2api_core.emulator.world import BUILD_ID, Visit, World

_PAGE = f"""<!DOCTYPE html><html data-build="{BUILD_ID}" lang="en-US"><head>
<script src="https://cdn.oaistatic.com/assets/root-emulator.js"></script>
<script src="https://chatgpt.com/backend-api/sentinel/sdk.js"></script></head>
<body>The built-in emulator of ChatGPT.</body></html>
""".encode()


def page(world: World, visit: Visit) -> Answer:
    """``GET /``. A browser without a device id gets one."""
    device = visit.call.cookies.get("oai-did") or world.ids.uuid()
    cookie = f"oai-did={device}; Path=/; SameSite=Lax"
    return Answer(200, _PAGE, "text/html; charset=utf-8", (("set-cookie", cookie),))


def script(world: World, visit: Visit) -> Answer:  # noqa: ARG001 (the form of a handler)
    """``GET .../sentinel/sdk.js``: nothing that anybody would run."""
    return Answer(200, b"/* the emulator has no sdk */\n", "text/javascript")

"""What a client is told that asks for what is not there."""

import pytest

from chat2api_core.config import Settings
from chat2api_core.web.nowhere import nowhere
from chat2api_core.web.routing import App
from tests.asgi import Client, play
from tests.web.fake_gateway import FakeGateway, ScriptedEngine, gateway_of

CASES = [
    ("the older completions", "/v1/completions", "/v1/chat/completions"),
    ("without v1", "/completions", "/v1/chat/completions"),
    ("behind a prefix", "/private/v1/completions", "/v1/chat/completions"),
    ("what belongs to something not offered", "/v1/threads/t1/runs", "previous_response_id"),
    ("embeddings", "/v1/embeddings", "ChatGPT makes none"),
    ("another vendor's API", "/v1/messages", "Anthropic"),
    ("ChatGPT's own API", "/backend-api/conversation", "not passed through"),
    ("v1 twice", "/v1/v1/chat/completions", "/v1 more than once"),
    ("a slash behind it", "/v1/models/gpt-4o/", "a slash too many"),
    ("a slash twice", "//v1/models", "a slash too many"),
    ("nothing but the root", "/", "base URL"),
    ("the base itself", "/v1", "base URL"),
    ("what nobody knows", "/v1/chat/completion", "base URL"),
]


@pytest.mark.parametrize(
    ("path", "said"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_the_message_says_what_to_use_instead(path: str, said: str) -> None:
    message = nowhere(path)
    assert message.startswith(f"There is nothing at {path}. ")
    assert said in message


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/models", "/health"])
def test_a_prefix_is_not_told_to_who_does_not_know_it(path: str) -> None:
    """The message named it, and so opened every route to who asked for any path at all."""
    fake = FakeGateway(ScriptedEngine(), Settings(api_prefix="/hard-to-guess"))
    app = App({"/health": "api.health"}, lambda: gateway_of(fake))
    client = Client("GET", path)

    async def ask() -> None:
        await app(client.scope, client.receive, client.send)

    play(ask())
    assert client.status == 404
    assert "hard-to-guess" not in str(client.sent)

"""GET /v1/models and GET /v1/models/{model}"""

from chat2api_core.web.exchange import Exchange
from chat2api_core.web.models import list_models, show_model


async def GET(exchange: Exchange) -> None:
    """All models, or the one that the path names."""
    await (show_model if exchange.parameter("model") else list_models)(exchange)

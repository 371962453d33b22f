"""The yardstick of cold starts: the least that passes an upstream's stream on, with starlette and
httpx."""

import os
from collections.abc import AsyncIterator

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route


async def _pass_on(_: Request) -> StreamingResponse:
    client = httpx.AsyncClient()

    async def stream() -> AsyncIterator[bytes]:
        async with client, client.stream("GET", os.environ["UPSTREAM_URL"]) as response:
            async for piece in response.aiter_bytes():
                yield piece

    return StreamingResponse(stream())


app = Starlette(routes=[Route("/", _pass_on)])

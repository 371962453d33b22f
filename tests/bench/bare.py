"""The yardstick of cold imports: the least that an application on starlette and httpx takes."""

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route


async def _health(request: Request) -> JSONResponse:
    return JSONResponse({"path": request.url.path, "client": httpx.__version__})


async def _stream(request: Request) -> StreamingResponse:
    return StreamingResponse(request.stream())


app = Starlette(routes=[Route("/", _health), Route("/stream", _stream, methods=["POST"])])

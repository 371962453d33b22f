"""GET /health"""

from chat2api_core.web.endpoints import health

GET = health

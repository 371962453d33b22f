"""GET /v1/usage"""

from chat2api_core.web.usage import show_usage

GET = show_usage

"""GET /api/usage/token"""

from chat2api_core.web.usage import show_token

GET = show_token

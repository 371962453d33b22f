"""GET /tokens"""

from chat2api_core.web.admin.tokens import show_tokens

GET = show_tokens

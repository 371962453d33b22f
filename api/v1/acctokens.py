"""GET /v1/accTokens"""

from chat2api_core.web.usage import show_accounts

GET = show_accounts

"""GET /v1/dashboard/billing/subscription"""

from chat2api_core.web.usage import show_subscription

GET = show_subscription

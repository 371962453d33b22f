"""GET /v1/dashboard/billing/usage"""

from chat2api_core.web.usage import show_billing_usage

GET = show_billing_usage

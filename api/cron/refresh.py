"""GET /api/cron/refresh"""

from chat2api_core.web.cron import refresh

GET = POST = refresh

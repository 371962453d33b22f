"""GET /admin/api/session"""

from chat2api_core.web.admin.login import show_session

GET = show_session

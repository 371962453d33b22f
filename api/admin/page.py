"""GET /admin"""

from chat2api_core.web.admin.pages import show_admin

GET = show_admin

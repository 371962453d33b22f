"""GET /admin/assets/{name}"""

from chat2api_core.web.admin.pages import show_asset

GET = show_asset

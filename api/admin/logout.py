"""POST /admin/logout"""

from chat2api_core.web.admin.login import log_out

POST = log_out

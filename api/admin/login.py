"""POST /admin/login"""

from chat2api_core.web.admin.login import log_in

POST = log_in

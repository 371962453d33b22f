"""GET /doctor"""

from chat2api_core.web.admin.doctor import show_doctor

GET = show_doctor

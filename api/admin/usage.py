"""GET /admin/api/usage"""

from chat2api_core.web.admin.answers import behind_the_door
from chat2api_core.web.admin.figures import show_figures

GET = behind_the_door(show_figures)

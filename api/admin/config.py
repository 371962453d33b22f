"""GET and PUT /admin/api/config"""

from chat2api_core.web.admin.answers import behind_the_door
from chat2api_core.web.admin.config import save_config, show_config

GET = behind_the_door(show_config)
PUT = behind_the_door(save_config)

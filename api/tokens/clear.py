"""POST /tokens/clear"""

from chat2api_core.web.admin.answers import behind_the_door
from chat2api_core.web.admin.tokens import clear

POST = behind_the_door(clear)

"""POST /tokens/upload"""

from chat2api_core.web.admin.answers import behind_the_door
from chat2api_core.web.admin.tokens import upload

POST = behind_the_door(upload)

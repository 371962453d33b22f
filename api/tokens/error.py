"""GET and POST /tokens/error"""

from chat2api_core.web.admin.answers import behind_the_door
from chat2api_core.web.admin.tokens import list_errors

GET = POST = behind_the_door(list_errors)

"""GET /admin/api/accounts and POST /admin/api/accounts/{account}/{action}"""

from chat2api_core.web.admin.accounts import act, list_accounts
from chat2api_core.web.admin.answers import behind_the_door

GET = behind_the_door(list_accounts)
POST = behind_the_door(act)

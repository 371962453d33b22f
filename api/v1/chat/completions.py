"""POST /v1/chat/completions"""

from chat2api_core.web.chat import Chat
from chat2api_core.web.endpoints import converse

POST = converse(Chat())

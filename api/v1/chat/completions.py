"""POST /v1/chat/completions"""

from chat2api_core.dialects.chat_completions import ChatCompletions
from chat2api_core.web.endpoints import converse

POST = converse(ChatCompletions())

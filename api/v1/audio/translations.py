"""POST /v1/audio/translations"""

from chat2api_core.web.audio import translate

POST = translate

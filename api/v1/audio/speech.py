"""POST /v1/audio/speech"""

from chat2api_core.web.speech import speak

POST = speak

"""POST /v1/audio/transcriptions"""

from chat2api_core.web.audio import transcribe

POST = transcribe

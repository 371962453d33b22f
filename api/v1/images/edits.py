"""POST /v1/images/edits"""

from chat2api_core.web.images import draw

POST = draw("edits")

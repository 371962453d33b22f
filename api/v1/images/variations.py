"""POST /v1/images/variations"""

from chat2api_core.web.images import draw

POST = draw("variations")

"""POST /v1/images/generations"""

from chat2api_core.web.images import draw

POST = draw("generations")

"""GET /media/{token}"""

from chat2api_core.web.media import show

GET = show

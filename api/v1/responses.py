"""POST /v1/responses and /v1/responses/compact; GET and DELETE /v1/responses/{response}, its
input_items, its cancel"""

from chat2api_core.web.responses import delete, get, post

POST = post
GET = get
DELETE = delete

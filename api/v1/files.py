"""POST and GET /v1/files; GET and DELETE /v1/files/{file}; GET /v1/files/{file}/content"""

from chat2api_core.web.files import delete, get, post

POST = post
GET = get
DELETE = delete

"""Files: announcing and processing uploads, and every way to ask where a file is.

The rules: what was announced is what has to come, and nobody sees another one's files.
"""

from datetime import UTC, datetime
from typing import Literal

import msgspec
from msgspec import Struct

from chat2api_core.emulator.bodies import read
from chat2api_core.emulator.endpoints.blobs import blob_url, estuary_path, origin
from chat2api_core.emulator.exchange import (
    MAX_BODY,
    Answer,
    Json,
    Refused,
    invalid,
    ok,
    refusal,
)
from chat2api_core.emulator.pixels import size_of
from chat2api_core.emulator.shelf import Item
from chat2api_core.emulator.threads import Thread, not_found
from chat2api_core.emulator.world import Visit, World

_IMAGES = "image/"
_LINES = "application/x-ndjson"


class _Create(Struct, forbid_unknown_fields=True):
    file_name: str
    file_size: int
    use_case: Literal["multimodal", "my_files", "ace_upload"]
    mime_type: str = ""
    width: int | None = None
    height: int | None = None
    timezone_offset_min: int | None = None
    reset_rate_limits: bool = False
    store_in_library: bool = False
    library_persistence_mode: str | None = None


class _Process(Struct, forbid_unknown_fields=True):
    file_id: str
    use_case: str
    index_for_retrieval: bool = False
    file_name: str = ""
    entry_surface: str = ""


class _Sandbox(Struct, forbid_unknown_fields=True):
    message_id: str
    sandbox_path: str


def create(world: World, visit: Visit) -> Answer:
    """``POST files``: announce a file; the address to put its bytes to."""
    body = read(visit.call.body, _Create, visit.call.header("content-type"))
    _check(body)
    item = Item(
        world.shelf.fresh_id(),
        visit.caller.owner,
        body.file_name,
        body.mime_type,
        body.file_size,
        world.clock.now(),
        body.use_case,
        body.width or 0,
        body.height or 0,
    )
    world.shelf.add(item)
    url = blob_url(world, visit, item, "put")
    answer = {"status": "success", "file_id": item.id, "upload_url": url, "library_file_id": None}
    return ok(answer)


def uploaded(world: World, visit: Visit) -> Answer:
    """``POST files/{id}/uploaded``: the bytes are all there."""
    read(visit.call.body, dict[str, object], visit.call.header("content-type"))
    item = world.shelf.get(visit.name, visit.caller.owner)
    _finish(item)
    url = blob_url(world, visit, item, "get")
    answer: Json = {"status": "success", "download_url": url, "metadata": {}}
    return ok({**answer, "file_name": item.name})


def process(world: World, visit: Visit) -> Answer:
    """``POST files/process_upload_stream``: what is done with a document, line by line."""
    body = read(visit.call.body, _Process, visit.call.header("content-type"))
    item = world.shelf.get(body.file_id, visit.caller.owner)
    if body.use_case != item.use_case:
        raise invalid(("use_case",), "not the use case of this file")
    _finish(item)
    item.polls = 2
    extra: Json = {"mime_type": item.mime, "total_tokens": _tokens(item)}
    steps: tuple[tuple[str, float, Json | None], ...] = (
        ("file.processing.started", 0.0, None),
        ("file.processing.metadata", 50.0, {**extra, "metadata_object_id": f"meta-{item.id}"}),
        ("file.indexing.completed", 100.0, None),
    )
    lines = [
        msgspec.json.encode(
            {
                "file_id": item.id,
                "event": event,
                "message": event.rpartition(".")[2],
                "progress": progress,
                "extra": more,
            }
        )
        for event, progress, more in steps
    ]
    return Answer(200, b"\n".join(lines) + b"\n", _LINES)


def state(world: World, visit: Visit) -> Answer:
    """``GET files/{id}``. A document for retrieval is being indexed when it is first asked for."""
    item = world.shelf.get(visit.name, visit.caller.owner)
    item.polls += item.state == "ready"
    indexed = None
    if item.use_case == "my_files":
        indexed = "success" if item.polls > 1 else "running"
    return ok(
        {
            "id": item.id,
            "name": item.name,
            "creation_time": _time(world),
            "state": "ready" if item.state == "ready" else "uploading",
            "size": item.size,
            "use_case": item.use_case,
            "retrieval_index_status": indexed,
            "file_size_tokens": _tokens(item),
            "variants": None,
        }
    )


def delete(world: World, visit: Visit) -> Answer:
    """``DELETE files/{id}``."""
    world.shelf.drop(visit.name, visit.caller.owner)
    return ok({"success": True})


def download(world: World, visit: Visit) -> Answer:
    """``GET files/{id}/download``: the address of a blob. Not for what was made in a conversation
    and has an id of the newer form; that is an attachment of its conversation."""
    item = _find(world, visit, visit.name)
    if item is None or item.id.startswith("file_"):
        return _missing("file_not_found")
    answer: Json = {"status": "success", "download_url": blob_url(world, visit, item, "get")}
    rest: Json = {"metadata": {}, "file_name": item.name, "creation_time": _time(world)}
    return ok({**answer, **rest})


def download_newer(world: World, visit: Visit) -> Answer:
    """``GET files/download/{id}``: an address in the service's own store, without its host."""
    item = _find(world, visit, visit.name)
    if item is None:
        return _missing("file_not_found")
    if item.threads and visit.call.query.get("conversation_id") not in item.threads:
        return _missing("file_not_found")
    answer = {"status": "success", "download_url": estuary_path(world, item), "retry": False}
    return ok(answer)


def attachment(world: World, visit: Visit) -> Answer:
    """``GET conversation/{id}/attachment/{id}/download``: what was made in a conversation."""
    thread = _kept(world, visit)
    item = _find(world, visit, visit.more)
    if item is None or thread.id not in item.threads:
        return _missing("file_not_found")
    url = origin(visit) + estuary_path(world, item)
    return ok({"status": "success", "download_url": url})


def interpreter(world: World, visit: Visit) -> Answer:
    """``GET`` (or ``POST``) ``conversation/{id}/interpreter/download``: what code wrote, known by
    its path and the message that shows it."""
    call = visit.call
    if call.method == "POST":
        asked = read(call.body, _Sandbox, call.header("content-type"))
    else:
        query = call.query
        asked = _Sandbox(query.get("message_id", ""), query.get("sandbox_path", ""))
    thread = _kept(world, visit)
    node = thread.nodes.get(asked.message_id)
    if node is None or asked.sandbox_path not in str(node.message):
        raise Refused(refusal(404, {"message": "No such message.", "code": "message_not_found"}))
    found = world.shelf.sandbox(thread.id, asked.sandbox_path, visit.caller.owner)
    if found == "expired":
        return ok({"status": "error", "error_code": "ace_pod_expired", "error_message": None})
    if found == "missing":
        return _missing("file_not_found", 200)
    return ok({"status": "success", "download_url": blob_url(world, visit, found, "get")})


def _check(body: _Create) -> None:
    if not body.file_name:
        raise invalid(("file_name",), "ensure this value has at least 1 characters")
    if body.file_size < 1:
        raise invalid(("file_size",), "ensure this value is greater than 0")
    if body.file_size > MAX_BODY:
        detail = {"message": "The file is too large.", "code": "file_too_large"}
        raise Refused(refusal(413, detail))
    picture = body.mime_type.startswith(_IMAGES)
    if picture and not (body.width and body.height):
        raise invalid(("width",), "field required for pictures", "value_error.missing")
    if picture != (body.use_case == "multimodal") and body.mime_type not in ("", "application/pdf"):
        raise invalid(("use_case",), "does not fit the mime type")


def _finish(item: Item) -> None:
    """The bytes are there and are what was announced, or ``Refused``."""
    if item.state == "created":
        raise Refused(refusal(400, {"message": "No content was put.", "code": "file_not_uploaded"}))
    if len(item.data) != item.size:
        detail = {"message": "The size is not the announced one.", "code": "file_size_mismatch"}
        raise Refused(refusal(400, detail))
    if item.mime.startswith(_IMAGES):
        size = size_of(item.data)
        if size is None or (any(size) and size != (item.width, item.height)):
            detail = {"message": "Not the announced picture.", "code": "invalid_image"}
            raise Refused(refusal(400, detail))
    item.state = "ready"


def _find(world: World, visit: Visit, file_id: str) -> Item | None:
    """The caller's file that is ready, None where there is none."""
    try:
        item = world.shelf.get(file_id, visit.caller.owner)
    except Refused:
        return None
    return item if item.state == "ready" else None


def _kept(world: World, visit: Visit) -> Thread:
    thread = world.threads.get(visit.name, visit.caller.owner)
    if thread.temporary:
        raise not_found(visit.name)
    return thread


def _missing(code: str, status: int = 404) -> Answer:
    body = {"status": "error", "error_code": code, "error_message": "There is no such file."}
    return Answer(status, msgspec.json.encode(body))


def _tokens(item: Item) -> int:
    return item.size // 4


def _time(world: World) -> str:
    return datetime.fromtimestamp(world.clock.now(), UTC).isoformat()

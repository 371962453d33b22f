"""The messages of an answer as JSON, kind by kind. Pure functions from facts to documents."""

import msgspec

from chat2api_core.emulator.exchange import Json
from chat2api_core.emulator.replies import Canvas, Image, Quote, Source


def make_message(
    name_id: str,
    role: str,
    content: Json,
    *,
    name: str | None = None,
    channel: str | None = None,
    recipient: str = "all",
    metadata: Json | None = None,
    created: float | None = None,
    end_turn: bool | None = None,
) -> Json:
    """A finished message; who wants an open one changes its status."""
    return {
        "id": name_id,
        "author": {"role": role, "name": name, "metadata": {}},
        "create_time": created,
        "update_time": None,
        "content": content,
        "status": "finished_successfully",
        "end_turn": end_turn,
        "weight": 1.0,
        "metadata": metadata or {},
        "recipient": recipient,
        "channel": channel,
    }


def run_output(code: str, output: str, image: str, run_id: str) -> Json:
    """The ``aggregate_result`` of a run of the code interpreter."""
    messages: list[Json] = []
    if output:
        messages.append({"message_type": "stream", "stream_name": "stdout", "text": output})
    if image:
        picture: Json = {"message_type": "image", "image_url": image}
        messages.append({**picture, "width": 640, "height": 480})
    return {
        "status": "success",
        "run_id": run_id,
        "code": code,
        "messages": messages,
        "jupyter_messages": [],
    }


def search_groups(turn: int, sources: tuple[Source, ...]) -> list[Json]:
    """What a search found, grouped by domain: ``search_result_groups``."""
    groups: dict[str, list[Json]] = {}
    for index, source in enumerate(sources):
        reference = {"turn_index": turn, "ref_type": "search", "ref_index": index}
        groups.setdefault(source.domain, []).append(
            {
                "type": "search_result",
                "url": source.url,
                "title": source.title,
                "snippet": source.snippet,
                "ref_id": reference,
            }
        )
    return [
        {"type": "search_result_group", "domain": domain, "entries": entries}
        for domain, entries in groups.items()
    ]


def canvas_reply(step: Canvas, textdoc_id: str) -> tuple[str, Json, str]:
    """The call that makes a canvas document, the tool's answer (``text`` beside the metadata), and
    the name of the tool."""
    call: Json = {"name": step.name, "type": step.kind, "content": step.content}
    answer: Json = {
        "text": f"Successfully created text document with textdoc_id: '{textdoc_id}'",
        "canvas": {
            "textdoc_id": textdoc_id,
            "textdoc_type": step.kind,
            "title": step.name,
            "version": 1,
            "textdoc_content_length": len(step.content),
            "is_failure": False,
        },
    }
    return msgspec.json.encode(call).decode(), answer, "canmore.create_textdoc"


def image_message(
    step: Image, asset: str, gen_id: str, *, rows: int | None = None
) -> tuple[Json, Json]:
    """Content and metadata of the message that shows a picture, of which so many rows of pixels are
    made (None: all)."""
    shared: Json = {"gen_id": gen_id, "seed": None, "parent_gen_id": None}
    dalle: Json = {**shared, "prompt": step.prompt, "serialization_title": step.title}
    size: Json = {"height": step.height if rows is None else rows, "width": step.width}
    pointer: Json = {
        "content_type": "image_asset_pointer",
        "asset_pointer": asset,
        "width": step.width,
        "height": step.height,
        "size_bytes": step.size_bytes,
        "fovea": None,
        "metadata": {
            "dalle": dalle,
            "generation": {**shared, **size, "gen_size": "xl"},
            "sanitized": False,
        },
    }
    metadata: Json = {**image_task(gen_id), "image_gen_title": step.title}
    return {"content_type": "multimodal_text", "parts": [pointer]}, metadata


def image_task(gen_id: str) -> Json:
    """The metadata of every message of the tool that makes pictures."""
    return {"async_task_type": "image_gen", "async_task_id": f"imagegen_{gen_id}"}


def tether_quote(step: Quote) -> Json:
    """A page quoted by the old browsing tool."""
    return {
        "content_type": "tether_quote",
        "url": step.source.url,
        "domain": step.source.domain,
        "title": step.source.title,
        "text": step.text,
        "tether_id": None,
    }

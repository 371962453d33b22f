"""Requests for pictures, from their bodies to a ``Prompt``.

In: a ``Body`` and which route it came by. Out: an ``ImagesRequest``: a prompt that orders one
picture, to be put as often as pictures are wanted. The rule: what the client cannot have is refused
by name, before anybody is asked.
"""

from typing import Any, Literal, TypeAlias

from chat2api_core.dialects.base import Request, invalid, unsupported
from chat2api_core.dialects.images.body import Body, Reference
from chat2api_core.painters import PAINTER
from chat2api_core.turn import (
    HostedTool,
    Image,
    Media,
    Message,
    Part,
    Prompt,
    Text,
    ToolChoice,
)

Route: TypeAlias = Literal["generations", "edits", "variations"]

MOST = 4
_UNLIKE = 10
_VARY = "Make a variation of this picture: the same subject and style, drawn anew."
_STYLES = {
    "vivid": "Draw it hyper-real and dramatic.",
    "natural": "Draw it natural, less hyper-real.",
}
_QUALITIES = {"standard": "auto", "hd": "high"}
# The prefixes by which a caller names an upstream stay in front of the model.
_PREFIXES = ("codex/", "web/")
_RETIRED = frozenset({"gpt-image-1"})  # whoever still names it gets what there is today


class ImagesRequest(Request, frozen=True, kw_only=True):
    """A parsed request. ``n`` pictures are wanted, each by ``prompt``; ``form`` is how they go
    out; ``size``, ``quality`` and ``background`` are echoed in events."""

    route: Route = "generations"
    n: int = 1
    form: Literal["b64_json", "url"] = "b64_json"
    size: str = "auto"
    quality: str = "auto"
    background: str = "auto"


def order(body: Body, route: Route) -> ImagesRequest:
    """Raises ``Problem`` INVALID_REQUEST or UNSUPPORTED_PARAMETER, with ``param``."""
    _check(body, route)
    model = body.model or PAINTER
    streams = body.stream is True
    retired = body.model is not None and body.model.startswith("dall-e")
    form = body.response_format or ("url" if retired and not streams else "b64_json")
    quality = _QUALITIES.get(body.quality or "auto", body.quality or "auto")
    prompt = Prompt(
        model=model,
        messages=(Message("user", tuple(_parts(body, route))),),
        tool_choice=ToolChoice(hosted="image_generation"),
        hosted=(HostedTool("image_generation", _options(body, route, model, quality)),),
        media=Media(inline=streams or form == "b64_json"),
    )
    return ImagesRequest(
        prompt=prompt,
        stream=streams,
        include_usage=True,
        places=tuple(f"image[{place}]" for place in range(len(body.pictures))),
        route=route,
        n=1 if body.n is None else body.n,
        form="b64_json" if streams else form,
        size=body.size or "auto",
        quality=quality,
        background=body.background or "auto",
    )


def _check(body: Body, route: Route) -> None:
    if route != "variations" and not (body.prompt or "").strip():
        raise invalid("is missing or empty: say what to draw", "prompt")
    if route != "generations" and not body.pictures:
        raise invalid("is missing: it is the picture to work from", "image")
    if route != "edits" and body.mask is not None:
        raise unsupported("masks go to /v1/images/edits", "mask")
    if route == "generations" and body.pictures:
        raise unsupported("pictures to work from go to /v1/images/edits", "image")
    _check_numbers(body)


def _check_numbers(body: Body) -> None:
    if body.n is not None and not 1 <= body.n <= _UNLIKE:
        raise invalid(f"must be 1 to {MOST}", "n")
    if body.n is not None and body.n > MOST:
        raise unsupported(f"at most {MOST} pictures are made at once", "n")
    if body.output_compression not in (None, 100) and body.output_format not in ("jpeg", "webp"):
        raise invalid("goes with jpeg and webp only", "output_compression")
    if body.background == "transparent" and body.output_format == "jpeg":
        raise invalid("cannot be transparent in jpeg", "background")


def _parts(body: Body, route: Route) -> list[Part]:
    parts: list[Part] = []
    for place, picture in enumerate(body.pictures):
        parts.append(_image(picture, f"image[{place}]"))
    words = [(body.prompt or "").strip() or _VARY if route == "variations" else body.prompt or ""]
    if body.style is not None:
        words.append(_STYLES[body.style])
    parts.append(Text("\n\n".join(words)))
    return parts


def _image(picture: str | Reference, at: str) -> Image:
    """A picture to work from: its URL, or the id of an uploaded file."""
    if isinstance(picture, str):
        picture = Reference(picture)
    if not (picture.image_url or picture.file_id):
        raise invalid("needs image_url or file_id", at)
    url = picture.image_url or ""
    if url and not url.startswith(("data:", "https:", "http:")):
        raise invalid("must be a data URL or an address that begins with https", at)
    return Image(url, "" if url else picture.file_id or "")


def _options(body: Body, route: Route, model: str, quality: str) -> dict[str, Any]:
    """The options of the tool, in the words of the Responses API; what says nothing is left out."""
    name = model
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    draws = name.startswith("gpt-image-") and name not in _RETIRED
    options: dict[str, Any] = {
        "action": "generate" if route == "generations" else "edit",
        "model": name if draws else None,
        "size": body.size,
        "quality": quality if quality != "auto" else None,
        "background": body.background,
        "output_format": body.output_format,
        "output_compression": body.output_compression,
        "moderation": body.moderation,
        "input_fidelity": body.input_fidelity,
        "partial_images": body.partial_images or None,
        "input_image_mask": _mask(body),
    }
    return {name: value for name, value in options.items() if value is not None}


def _mask(body: Body) -> dict[str, str] | None:
    if body.mask is None:
        return None
    image = _image(body.mask, "mask")
    if not image.url.startswith("data:"):
        raise unsupported("send the mask itself: as a file, or as a data URL", "mask")
    return {"image_url": image.url}

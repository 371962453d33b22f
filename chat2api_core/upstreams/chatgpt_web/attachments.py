"""Uploaded files as a message speaks of them: pointers in its content, attachments in its metadata.

In: what is known of an uploaded file. Out: the JSON shapes. The rule: a picture is pointed to and
attached, any other file is only attached. Source: seen in the web client.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from msgspec import UNSET, Struct, UnsetType

from chat2api_core.turn import File, Image

if TYPE_CHECKING:
    from chat2api_core.media.asset import Asset  # what a plain chat does not load

Uploaded: TypeAlias = "Mapping[Image | File, Asset]"
"""The parts of a prompt that were uploaded, and as what."""


class Pointer(Struct, frozen=True):
    """A picture within a message's content."""

    asset_pointer: str
    size_bytes: int
    width: int
    height: int
    content_type: str = "image_asset_pointer"


class Attachment(Struct, frozen=True, kw_only=True, rename={"mime": "mimeType"}):
    """A file within a message's metadata. The type goes under both names that are in use."""

    id: str
    name: str
    size: int
    mime: str
    mime_type: str
    width: int | UnsetType = UNSET
    height: int | UnsetType = UNSET
    file_token_size: int | UnsetType = UNSET
    source: str = "library"
    is_big_paste: bool = False
    library_file_id: None = None


def pointers(assets: "Iterable[Asset]") -> tuple[Pointer, ...]:
    """The pictures among these files, as the content shows them."""
    return tuple(
        Pointer(asset.pointer, asset.size, asset.width, asset.height)
        for asset in assets
        if _is_picture(asset)
    )


def attachments(assets: "Iterable[Asset]") -> tuple[Attachment, ...]:
    """All of these files, as the metadata lists them."""
    return tuple(
        Attachment(
            id=asset.id,
            name=asset.name,
            size=asset.size,
            mime=asset.mime,
            mime_type=asset.mime,
            width=asset.width if _is_picture(asset) else UNSET,
            height=asset.height if _is_picture(asset) else UNSET,
            file_token_size=asset.tokens or UNSET,
        )
        for asset in assets
    )


def assets_of(media: Sequence[Image | File], uploaded: Uploaded) -> "list[Asset]":
    """What the parts were uploaded as, each file once: the same one twice is one attachment."""
    found = [uploaded[part] for part in media]
    return list({asset.id: asset for asset in found}.values())


def _is_picture(asset: "Asset") -> bool:
    return asset.width > 0 and asset.height > 0

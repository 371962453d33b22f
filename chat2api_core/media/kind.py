"""What a file is: its type, its name, and what ChatGPT is to do with it.

In: what somebody called it and declared it to be, and its first bytes. Out: a type, a name fit to
be sent, and the use case under which it is uploaded. The rule: tables and bytes decide, never the
machine we run on (it may have a list of types of its own).
Source of the use cases: seen in the web client, which sends pictures as ``multimodal``, documents
and code to be searched as ``my_files``, and data for the code interpreter as ``ace_upload``.
"""

import re
from typing import Literal, TypeAlias

UseCase: TypeAlias = Literal["multimodal", "my_files", "ace_upload"]

UNKNOWN = "application/octet-stream"
PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})

_OFFICE = "application/vnd.openxmlformats-officedocument"
_TYPES = {
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif",
    "webp": "image/webp", "svg": "image/svg+xml", "bmp": "image/bmp", "tiff": "image/tiff",
    "heic": "image/heic", "avif": "image/avif",
    "pdf": "application/pdf", "doc": "application/msword", "rtf": "application/rtf",
    "docx": f"{_OFFICE}.wordprocessingml.document",
    "odt": "application/vnd.oasis.opendocument.text",
    "pptx": f"{_OFFICE}.presentationml.presentation", "ppt": "application/vnd.ms-powerpoint",
    "epub": "application/epub+zip",
    "xlsx": f"{_OFFICE}.spreadsheetml.sheet", "xls": "application/vnd.ms-excel",
    "csv": "text/csv", "tsv": "text/tab-separated-values", "parquet": "application/x-parquet",
    "sqlite": "application/vnd.sqlite3", "db": "application/vnd.sqlite3",
    "zip": "application/zip", "gz": "application/gzip", "tar": "application/x-tar",
    "7z": "application/x-7z-compressed",
    "mp3": "audio/mpeg", "wav": "audio/wav", "m4a": "audio/mp4", "mp4": "video/mp4",
    "txt": "text/plain", "log": "text/plain", "md": "text/markdown", "html": "text/html",
    "htm": "text/html", "xml": "text/xml", "css": "text/css", "json": "application/json",
    "jsonl": "application/json", "yaml": "text/yaml", "yml": "text/yaml", "toml": "text/plain",
    "ini": "text/plain", "tex": "text/x-tex", "sql": "text/x-sql",
    "py": "text/x-python", "js": "text/javascript", "mjs": "text/javascript",
    "ts": "text/x-typescript", "tsx": "text/x-typescript", "jsx": "text/javascript",
    "c": "text/x-c", "h": "text/x-c", "cpp": "text/x-c++", "cc": "text/x-c++",
    "hpp": "text/x-c++", "cs": "text/x-csharp", "java": "text/x-java", "kt": "text/x-kotlin",
    "go": "text/x-go", "rs": "text/x-rust", "rb": "text/x-ruby", "php": "text/x-php",
    "sh": "text/x-sh", "swift": "text/x-swift",
}  # fmt: skip

# What documents begin with. A zip may be any of the office formats: its name tells.
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b", "application/gzip"),
)
# What a server or a client says when it does not know.
_VAGUE = frozenset({"", UNKNOWN, "binary/octet-stream", "application/x-download", "text/plain"})

_DOCUMENTS = frozenset({
    "application/pdf", "application/msword", "application/rtf", "application/json",
    "application/xml", "application/javascript", "application/x-latex", "application/epub+zip",
    "application/vnd.oasis.opendocument.text", "application/vnd.ms-powerpoint",
    f"{_OFFICE}.wordprocessingml.document", f"{_OFFICE}.presentationml.presentation",
    "application/x-yaml", "application/x-sh", "application/typescript",
})  # fmt: skip
_TABLES = frozenset({"text/csv", "text/tab-separated-values"})

_LONGEST_NAME = 200
_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]+")
_ENDING = re.compile(r"\.([A-Za-z0-9]{1,10})$")
_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,99}/[a-z0-9][a-z0-9!#$&^_.+-]{0,99}")  # RFC 6838


def type_of(name: str, declared: str, head: bytes) -> str:
    """The type of a file, in lower case and without parameters: by its first bytes if they are of a
    known form, else as declared, else by the ending of its name."""
    by_name = _TYPES.get(ending(name), "")
    by_bytes = _magic(head)
    if by_bytes == "application/zip":
        return by_name if by_name and not by_name.startswith("text/") else by_bytes
    if by_bytes:
        return by_bytes
    declared = declared.partition(";")[0].strip().lower()
    if not _TYPE.fullmatch(declared):
        declared = ""  # it goes into a header
    if declared not in _VAGUE:
        return declared
    return by_name or declared or UNKNOWN


def use_case(mime: str) -> UseCase:
    """Under which use case ChatGPT takes a file of this type."""
    if mime in PICTURES:
        return "multimodal"
    text = mime.startswith("text/") and mime not in _TABLES
    return "my_files" if text or mime in _DOCUMENTS else "ace_upload"


def ending(name: str) -> str:
    """The ending of a name, in lower case and without the dot."""
    found = _ENDING.search(name)
    return found[1].lower() if found else ""


def plain_name(name: str, mime: str) -> str:
    """A name fit to be sent: its last part, without control characters and of bounded length, with
    an ending; where there is none, one made of the type."""
    last = _UNFIT.sub("", name.replace("\\", "/")).rpartition("/")[2].strip(" .")
    tail = ending(last)
    if len(last) > _LONGEST_NAME:
        dotted = f".{tail}" if tail else ""
        last = last[: _LONGEST_NAME - len(dotted)] + dotted
    if tail:
        return last
    known = next((known for known, one in _TYPES.items() if one == mime), "bin")
    stem = last or ("picture" if mime in PICTURES else "file")
    return f"{stem}.{known}"


def _magic(head: bytes) -> str:
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return next((mime for mark, mime in _MAGIC if head.startswith(mark)), "")

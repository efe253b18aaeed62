"""Where a URL's recorded response is in a folder.

It is ``DIR/HOST/PATH``, as in a mirror by wget or curl's --create-dirs. The host is in lower case, with ``:PORT`` only
if the port is not the scheme's own. The path is spelled as in the URL, with its percent signs, and ``index.html`` is
appended to a path that ends in a slash. A query is part of the file's name: ``%3F`` and the query, with slashes as
``%2F``. A name of more than 200 bytes is cut to 150, and ``-SHA256`` of the whole is appended. http and https share one
recording.
"""

from __future__ import annotations

import hashlib
import mimetypes
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}
_LONGEST_HOST = 255
_LONGEST_NAME = 200
_KEPT_OF_LONG_NAME = 150
_AS_SPELLED = "%!$&'()*+,;=:@-._~"


@dataclass(frozen=True, slots=True)
class RecordedResponse:
    """A recorded response: its file, and the content type by the extension of the URL."""

    path: Path
    content_type: str


def find(folders: Sequence[Path], url: str) -> RecordedResponse | None:
    """The first folder's recording of this URL, or None."""
    name = location(url)
    if name is None:
        return None
    for folder in folders:
        path = folder / name
        if path.is_file():
            guess, _ = mimetypes.guess_type(urlsplit(url).path)
            return RecordedResponse(path, guess or "application/octet-stream")
    return None


def location(url: str) -> Path | None:
    """The recording's path below its folder; None if the URL cannot have one (no host, or a path that climbs out)."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    host = (parts.hostname or "").lower()
    if port is not None and port != _DEFAULT_PORTS.get(parts.scheme):
        host = f"{host}:{port}"
    path = parts.path if parts.path.startswith("/") else f"/{parts.path}"
    segments = [quote(segment, safe=_AS_SPELLED) for segment in path.split("/")[1:]]
    if not segments[-1]:
        segments[-1] = "index.html"
    if parts.query:
        segments[-1] += "%3F" + quote(parts.query, safe=_AS_SPELLED)
    segments = [segment for segment in segments if segment]
    if (
        "/" in host
        or len(host.encode()) > _LONGEST_HOST
        or any(name in ("", ".", "..") or "\0" in name for name in (host, *segments))
    ):
        return None
    return Path(host, *(_shortened(segment) for segment in segments))


def how_to_record(folders: Sequence[Path], url: str) -> str:
    """One sentence that names the URL and the command that records it."""
    name = location(url)
    if name is None:
        return f"The model's code asked for {url}, which cannot be recorded: use a URL with a host and a plain path."
    command = f"curl -sSL --create-dirs -o {_quoted(str(folders[0] / name))} {_quoted(url)}"
    return f"The model's code asked for {url}, which is not recorded; record it with: {command}"


def _quoted(text: str) -> str:
    quoted = shlex.quote(text)
    return quoted if quoted.startswith("'") else f"'{quoted}'"


def _shortened(name: str) -> str:
    data = name.encode()
    if len(data) <= _LONGEST_NAME:
        return name
    return f"{data[:_KEPT_OF_LONG_NAME].decode(errors='ignore')}-{hashlib.sha256(data).hexdigest()}"

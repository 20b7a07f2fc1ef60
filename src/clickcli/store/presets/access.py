r"""Apache and nginx access logs: the combined format, and the common format without its end.

*Source* Apache HTTP Server documentation, "Log Files" and "mod_log_config"; nginx documentation,
"ngx_http_log_module".

*Lines* ``host ident user [time] "request" status bytes "referer" "user agent"``; a virtual host
(``name:port``) may stand before, anything after: it is kept as ``extra``, addresses in it
truncated. Servers write quotes and bytes that are no text as ``\"`` and ``\xHH``; they are left
so, and raw bytes that are no UTF-8 are written likewise. A field that is ``-`` holds nothing.

*Event type* ``page_view`` for a GET or HEAD of something like a page that was answered with a
status below 400; ``request`` for the rest: images, scripts, feeds, downloads, forms sent, errors.
A page view fills ``page_url``, another request ``endpoint``, so that images are no exit pages.

*Who* An access log knows no visitor. GoAccess and AWStats count one address, or one address with
one user agent on one day, as one; here it is one address with one user agent. The id is ``v_`` and
the 16 hexadecimal digits of the 8-byte BLAKE2b hash of ``address NUL agent`` in UTF-8, the address
**as it is stored** (else what is kept of a host's name), the agent empty where there is none. So
it gives away nothing that the store does not hold: people in one /24 (/48) with the same agent are
one visitor, unless whole addresses are kept. Of a host given by name, which often spells the
address, only the last two labels are kept. Lines with the name of a logged-in user belong to that
user alone: the visitor is too weak an id to link to somebody.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Any, Final

from clickcli.store.enrich import truncate_ip
from clickcli.store.mapping import Line
from clickcli.store.presets.base import PAGE_VIEW, Preset, text, words

REQUEST: Final = "request"
"""The event type of what is no page view."""
NOT_PAGES: Final = words(
    """
    7z aac apk atom avi avif bin bmp bz2 class css csv deb dmg doc docx eot exe flac gif gz ico iso
    jar jpeg jpg js json m3u8 m4a m4v map mid mjs mkv mov mp3 mp4 mpeg mpg msi odp ods odt ogg ogv
    otf pdf png ppt pptx ps rar rpm rss rtf svg svgz swf tar tgz tif tiff ts ttf txt wasm wav webm
    webmanifest webp wmv woff woff2 xls xlsx xml xsl xz zip zst
    """
)
"""File endings of what is no page."""

_QUOTED: Final = rb'"((?:[^"\\]|\\.)*+)"'
_HEAD: Final = re.compile(
    rb"(?:([\w.\-]{1,255}:\d{1,5}) )?(\S+) (\S+) (.{0,256}?) ?\[([^\]]{1,40})\] "
    + _QUOTED
    + rb" (\d{3}|-) (\d{1,20}|-)(?= |$)",
    re.DOTALL,
)
_COMBINED: Final = re.compile(rb" " + _QUOTED + rb" " + _QUOTED + rb"((?: .*)?)", re.DOTALL)
_UNESCAPED: Final = re.compile(rb' "(.*?)" "(.*)"()', re.DOTALL)
_EXTRA: Final = re.compile(_QUOTED + rb"|(\S+)", re.DOTALL)
_REQUEST: Final = re.compile(r"([A-Za-z][\w\-]{0,31}) (\S.*?)(?: (HTTP/\d(?:\.\d)?))?", re.DOTALL)
_TIME: Final = re.compile(r"(\d\d)/(\w{3})/(\d{4}):(\d\d:\d\d:\d\d) ([+-]\d\d)(\d\d)", re.ASCII)
_NUMBERS: Final = re.compile(rb"[\d.:A-Fa-f%]+")
_ADDRESS: Final = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}|[\dA-Fa-f]{0,4}:[\dA-Fa-f:.]*:[\dA-Fa-f:.]*")
"""What may be an address within other text."""
_MONTHS: Final = {
    "Jan": "01", "Feb": "02", "Mar": "03", "Apr": "04", "May": "05", "Jun": "06",
    "Jul": "07", "Aug": "08", "Sep": "09", "Oct": "10", "Nov": "11", "Dec": "12",
}  # fmt: skip


def read_line(data: bytes) -> Line | str:
    """Return the fields of a line that hold something, or the reason why it is none."""
    head = _HEAD.match(data)
    if head is None:
        return "not_access_log"
    vhost, host, ident, user, time, request, status, size = head.groups()
    line: Line = {}
    _add(line, vhost=vhost, ident=ident, user=user, time=time)
    _add(line, **_host(host))
    _add_request(line, _text(request))
    for name, digits in (("status", status), ("bytes", size)):
        if digits != b"-":
            line[name] = int(digits)
    _add_target(line)
    _add_end(line, data[head.end() :].rstrip())
    return line


def _add(line: Line, **fields: bytes | None) -> None:
    for name, value in fields.items():
        if value and value not in (b"-", b'""'):
            line[name] = _text(value)


def _text(value: bytes) -> str:
    return value.decode(errors="backslashreplace")


def _host(host: bytes) -> dict[str, bytes]:
    """Return the address, or what may be kept of a name."""
    if _NUMBERS.fullmatch(host):
        return {"ip": host}
    return {"host": b".".join(host.split(b".")[-2:])}


def _add_request(line: Line, request: str) -> None:
    """Add method, target and protocol, or the request as it is where it is no such thing."""
    parts = _REQUEST.fullmatch(request)
    if parts is not None:
        line["method"], line["target"] = parts[1], parts[2]
        if parts[3] is not None:
            line["protocol"] = parts[3]
    elif request not in ("", "-"):
        line["request"] = request


def _add_end(line: Line, end: bytes) -> None:
    """Add what follows the size: referrer, user agent, and fields of the server's own."""
    found = _COMBINED.fullmatch(end) or _UNESCAPED.fullmatch(end)
    if found is not None:
        _add(line, referrer=found[1], user_agent=found[2])
        end = found[3]
    extra = [_text(quoted or plain) for quoted, plain in _EXTRA.findall(end)]
    if any(value not in ("", "-") for value in extra):
        line["extra"] = [_ADDRESS.sub(_truncated, value) for value in extra]


def _truncated(found: re.Match[str]) -> str:
    return truncate_ip(found[0]) or found[0]


def _add_target(line: Line) -> None:
    """Say what was asked for: a page, or the path and the query of something else."""
    target = line.pop("target", None)
    is_read = target is not None and line["method"] in ("GET", "HEAD") and is_page(target)
    is_view = is_read and line.get("status", 400) < 400
    line["event_type"] = PAGE_VIEW if is_view else REQUEST
    if is_view:
        line["page_url"] = target
    elif target is not None:
        line["endpoint"], mark, query = target.partition("?")
        if mark:
            line["query"] = query


def is_page(target: str) -> bool:
    """Return whether the target of a request looks like a page, going by its ending."""
    name = target.partition("?")[0].rpartition("/")[2]
    return "." not in name or name.rpartition(".")[2].lower() not in NOT_PAGES


def visitor(line: Line) -> str | None:
    """Return the id of a visitor who is not logged in: a hash of address and user agent."""
    where = text(line.get("ip")) or text(line.get("host"))
    if where is None or "user" in line:
        return None
    who = f"{where}\0{line.get('user_agent', '')}".encode()
    return "v_" + blake2b(who, digest_size=8).hexdigest()


def iso_time(value: Any) -> Any:
    """Return ``10/Oct/2000:13:55:36 -0700`` as ISO-8601; anything else as it is."""
    found = _TIME.fullmatch(value) if type(value) is str else None
    if found is None or found[2] not in _MONTHS:
        return value
    day, month, year, clock, hours, minutes = found.groups()
    return f"{year}-{_MONTHS[month]}-{day}T{clock}{hours}:{minutes}"


def _never(_line: Any) -> bool:
    return False


PRESET: Final = Preset(
    name="apache",
    headline="Apache and nginx access logs, combined or common",
    recognises=_never,
    has_json=False,
    text=read_line,
    fields={
        "event_type": ("event_type",), "ts": ("time",), "user_id": ("user",), "ip": ("ip",),
        "page_url": ("page_url",), "endpoint": ("endpoint",), "status": ("status",),
        "referrer": ("referrer",), "user_agent": ("user_agent",),
    },
    rules={"anonymous_id": visitor},
    forms={"ts": iso_time},
)  # fmt: skip

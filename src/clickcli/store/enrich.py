"""What a line says between the lines: path, campaign, referring host, device, browser, network."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_plus

from clickcli.store.agents import agent_columns

if TYPE_CHECKING:
    import polars as pl

UTM: Final = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
CLICK_IDS: Final = (
    "gclid", "gbraid", "wbraid", "gad_source", "msclkid", "dclid", "fbclid", "ttclid", "twclid",
    "li_fat_id", "yclid", "sccid", "epik", "rdt_cid",
)  # fmt: skip
"""Click parameters, the one that names the touch first."""

_WANTED: Final = frozenset((*UTM, *CLICK_IDS))
_PATH: Final = r"^(?:[A-Za-z][A-Za-z0-9+.\-]*:)?(?://[^/?#]*)?([^?#]*)"
_ORIGIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://[^/?#]+/")
_HOST: Final = r"^(?:[A-Za-z][A-Za-z0-9+.\-]*:)?//[^/?#]"
_CAMPAIGN: Final = rf"(?i)[?&](?:utm_|{'|'.join(CLICK_IDS)})"
_PORT: Final = re.compile(r"\[?([0-9A-Fa-f:.]+?)\]?(?::\d+)?$", re.ASCII)


def enriched(frame: pl.DataFrame) -> pl.DataFrame:
    """Fill what a row lacks from its page's address, its referrer and its user agent."""
    if "page_url" in frame.columns:
        frame = _filled(frame, url_columns(frame["page_url"]))
    if "referrer" in frame.columns:
        frame = _filled(frame, host_column(frame["referrer"]).to_frame())
    if "user_agent" in frame.columns and frame["user_agent"].null_count() < frame.height:
        frame = _with_agents(frame, agent_columns(frame["user_agent"]))
    return frame


def _with_agents(frame: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """Return the frame with what its agents say; a bot is what either line or agent calls one."""
    if "is_bot" in frame.columns:
        given, seen = frame["is_bot"], found["is_bot"]
        frame = frame.with_columns((given | seen).fill_null(given).fill_null(seen))
    return _filled(frame, found)


def _filled(frame: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """Return the frame with what was found where nothing was given."""
    values = [frame[one.name].fill_null(one) if one.name in frame.columns else one for one in found]
    return frame.with_columns(values)


def host_column(referrers: pl.Series) -> pl.Series:
    """Return the host of each referrer in lower case, null where there is none."""
    import polars as pl

    from clickcli.data.hosts import parse

    unique = referrers.drop_nulls().unique()
    addresses = (parse(text) for text in unique)
    hosts = [None if address is None else address.host for address in addresses]
    known = pl.DataFrame({"referrer": unique, "referrer_host": pl.Series(hosts, dtype=pl.String)})
    rows = referrers.alias("referrer").to_frame()
    return rows.join(known, on="referrer", how="left", maintain_order="left")["referrer_host"]


def url_columns(urls: pl.Series) -> pl.DataFrame:
    """Return path, utm_* and click_id of each address, null where it does not say.

    The click id is the name of the parameter, not its value.
    """
    import polars as pl

    frame = pl.DataFrame({"url": urls, "page_path": _paths(urls)})
    tagged = urls.filter(urls.str.contains(_CAMPAIGN)).unique().to_list()
    schema = dict.fromkeys(("url", *UTM, "click_id"), pl.String())
    if not tagged:
        nothing = [pl.lit(None, pl.String).alias(name) for name in schema if name != "url"]
        return frame.with_columns(nothing).drop("url")
    rows = [(url, *_campaign(url)) for url in tagged]
    campaigns = pl.DataFrame(rows, schema=schema, orient="row")
    return frame.join(campaigns, on="url", how="left", maintain_order="left").drop("url")


def _paths(urls: pl.Series) -> pl.Series:
    """Return the path of each address; most addresses of a log are of one host."""
    known = urls.drop_nulls()
    origin = _ORIGIN.match(known[0]) if len(known) else None
    if origin is None:
        return _any_paths(urls)
    plain = urls.str.starts_with(origin[0])
    paths = urls.str.strip_prefix(origin[0][:-1]).str.split_exact("?", 1).struct[0]
    if not plain.all():
        paths = paths.zip_with(plain.fill_null(value=True), _any_paths(urls.set(plain, None)))
    if urls.str.contains("#", literal=True).any():
        paths = paths.str.split_exact("#", 1).struct[0]
    return paths


def _any_paths(urls: pl.Series) -> pl.Series:
    paths = urls.str.extract(_PATH, 1)
    empty = paths == ""
    if empty.any():
        paths = paths.set(empty & urls.str.contains(_HOST), "/").replace("", None)
    return paths


def _campaign(url: str) -> tuple[str | None, ...]:
    query = url.partition("?")[2].partition("#")[0]
    given: dict[str, str] = {}
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        if value and name.lower() in _WANTED:
            given.setdefault(name.lower(), unquote_plus(value))
    click = next((name for name in CLICK_IDS if name in given), None)
    return (*(given.get(name) for name in UTM), click)


def truncate_ip(value: Any) -> str | None:
    """Return the /24 or /48 network's first address; None for what is no address.

    Of a list (a.b.c.d, e.f.g.h) the first counts; a port is dropped. Nothing of what is not
    understood is returned, so that no whole address gets past.
    """
    if type(value) is not str:
        return None
    found = _PORT.match(value.split(",")[0].strip())
    text = value.split(",")[0].strip()
    for candidate in (text, found.group(1) if found else ""):
        try:
            address = ipaddress.ip_address(candidate.partition("%")[0])
        except ValueError:
            continue
        if address.version == 6 and address.ipv4_mapped:
            address = address.ipv4_mapped
        width = 24 if address.version == 4 else 48
        return str(ipaddress.ip_network((address, width), strict=False).network_address)
    return None

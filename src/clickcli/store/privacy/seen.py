"""Whom questions may see: the lists of people as a dataset hands them to the scan."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from clickcli.engines.dataset import no_devices, nobody
from clickcli.identity import anonymous_key
from clickcli.store.catalog import Catalog
from clickcli.store.privacy.lists import OPT_OUT

if TYPE_CHECKING:
    import polars as pl


def seen(catalog: Catalog) -> dict[str, Any]:
    """Return the fields of a dataset that say whom it hides; read now, made into tables later."""
    query = "SELECT DISTINCT person_key FROM suppressions WHERE reason = ? AND person_key NOT NULL"
    opted_out = [key for (key,) in catalog.rows(query, OPT_OUT)]
    agreed = [key for (key,) in catalog.rows("SELECT DISTINCT person_key FROM consents")]
    linked = "SELECT DISTINCT anonymous_id FROM links"
    devices = [device for (device,) in catalog.rows(linked)] if opted_out else []
    return {
        "opted_out_count": len(opted_out),
        "opted_out": cache(lambda: _people(opted_out)),
        "opted_out_devices": cache(lambda: _devices(devices, frozenset(opted_out))),
        "agreed": cache(lambda: _people(agreed)),
    }


def is_hidden(catalog: Catalog, key: int, *, require_consent: bool) -> bool:
    """Return whether no question may see the person of a key."""
    opted_out = "SELECT EXISTS (SELECT 1 FROM suppressions WHERE reason = ? AND person_key = ?)"
    agreed = "SELECT EXISTS (SELECT 1 FROM consents WHERE person_key = ?)"
    if catalog.value(opted_out, OPT_OUT, key):
        return True
    return require_consent and not catalog.value(agreed, key)


def _people(keys: list[int]) -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame({"person_key": keys}, schema=nobody().schema)


def _devices(devices: list[str], opted_out: frozenset[int]) -> pl.DataFrame:
    """Return those devices that opted out themselves."""
    import polars as pl

    chosen = [device for device in devices if anonymous_key(device) in opted_out]
    return pl.DataFrame({"anonymous_id": chosen}, schema=no_devices().schema)

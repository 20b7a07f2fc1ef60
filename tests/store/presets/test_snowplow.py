"""Snowplow TSV lines: the names of entities, and fields that say the same as in JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from clickcli.store.presets.snowplow import FIELDS, read_tsv


def tsv(**fields: str) -> dict[str, Any]:
    """Return what is read of a TSV line with these fields."""
    assert fields.keys() <= set(FIELDS)
    line = read_tsv("\t".join(fields.get(name, "") for name in FIELDS).encode())
    assert isinstance(line, dict)
    return line


def test_there_are_131_fields_in_the_order_of_the_documentation() -> None:
    places = {"app_id": 0, "user_ipaddress": 13, "geo_latitude": 22, "page_url": 29, "contexts": 52,
              "unstruct_event": 58, "ti_orderid": 67, "useragent": 77, "br_features_pdf": 84,
              "dvce_type": 101, "doc_height": 107, "ti_currency": 112, "derived_contexts": 122,
              "derived_tstamp": 124, "event_name": 126, "true_tstamp": 130}  # fmt: skip
    assert {name: FIELDS.index(name) for name in places} == places
    assert len(FIELDS) == len(set(FIELDS)) == 131


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ("iglu:com.acme/duplicated/jsonschema/20-0-5", "com_acme_duplicated_20"),
        ("iglu:com.shop-acme/userTier/jsonschema/2-0-3", "com_shop_acme_user_tier_2"),
        ("iglu:com.myCorp.Sub/someThing-Else/jsonschema/1-0-0", "com_mycorp_sub_some_thing_else_1"),
        ("iglu:org.ietf/http_cookie/jsonschema/1-0-0", "org_ietf_http_cookie_1"),
        ("iglu:a.b/HTTPCall/jsonschema/1-2-3", "a_b_httpcall_1"),
    ],
)
def test_entities_and_events_have_the_names_of_the_analytics_sdk(
    schema: str, expected: str
) -> None:
    part = {"schema": schema, "data": {"a": 1}}
    own = {"_schema_version": schema.rpartition("/")[2], "a": 1}
    for name in ("contexts", "derived_contexts"):
        text = json.dumps({"schema": "iglu:x/contexts/jsonschema/1-0-0", "data": [part, part]})
        assert tsv(**{name: text}) == {f"contexts_{expected}": [own, own]}
    text = json.dumps({"schema": "iglu:x/unstruct_event/jsonschema/1-0-0", "data": part})
    assert tsv(unstruct_event=text) == {f"unstruct_event_{expected}": own}


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("txn_id", "41828", 41828), ("pp_yoffset_max", "-5", -5), ("txn_id", "9" * 25, "9" * 25),
        ("br_cookies", "1", True), ("dvce_ismobile", "0", False), ("br_cookies", "2", "2"),
        ("tr_total", "12.50", 12.5), ("se_value", "1.0E1", 10.0), ("tr_total", "NaN", "NaN"),
        ("tr_tax_base", "0.1234567890123456789", "0.1234567890123456789"),
        ("etl_tstamp", "2024-03-01 10:00:03.120", "2024-03-01T10:00:03.120Z"),
        ("user_fingerprint", "007", "007"),
    ],
)  # fmt: skip
def test_a_field_is_read_unless_that_loses_something(name: str, text: str, expected: Any) -> None:
    (found,) = tsv(**{name: text}).values()
    assert json.dumps(found) == json.dumps(expected)

"""``traffic --classify`` explains one visit without a store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run

AD = "https://shop.example/?gclid=x"
GOOGLE = "https://www.google.com/"


def test_a_visit_is_explained_by_the_rule_that_decided(run: Run) -> None:
    ran = run("traffic", "--classify", AD, GOOGLE, "-f", "json")
    assert (ran.code, ran.err) == (0, "")
    (row,) = json.loads(ran.out)["data"]
    assert (row["channel"], row["source"], row["medium"]) == ("Paid Search", "google", "cpc")
    assert row["why"].startswith("rule 4 Paid Search: ")
    assert row["is_touch"] is True


def test_without_a_referrer_a_visit_is_direct(run: Run) -> None:
    assert run("traffic", "https://shop.example/", "--classify").out.split("\n")[1][:6] == "Direct"


def test_the_configuration_adds_sites_and_own_hosts(run: Run) -> None:
    Path("clickcli.toml").write_text(
        'own_hosts = ["blog.example"]\nsites = ["search find.example"]\n', encoding="utf-8"
    )
    page = "https://shop.example/"
    assert "Organic Search" in run("traffic", "--classify", page, "https://find.example/q").out
    assert "own host" in run("traffic", "--classify", page, "https://www.blog.example/").out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--classify",), "was given 0 addresses"),
        (("--classify", "a", "b", "c"), "was given 3 addresses"),
        ((AD,), "addresses need --classify"),
        (("--classify", AD, "--by", "country"), "--classify and --by contradict each other"),
        (("--classify", AD, "--who", "x"), "--classify and --who contradict each other"),
        (("--classify", AD, "--table", "sources"), "unknown table"),
    ],
)
def test_what_cannot_be_meant_is_refused(run: Run, arguments: tuple[str, ...], said: str) -> None:
    ran = run("traffic", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err


@pytest.mark.parametrize("value", ['["find.example"]', '["robot find.example"]', '["search"]', "1"])
def test_a_site_of_the_configuration_needs_a_kind_and_a_host(run: Run, value: str) -> None:
    Path("clickcli.toml").write_text(f"sites = {value}\n", encoding="utf-8")
    ran = run("traffic", "--classify", AD)
    assert ran.code == 2
    assert "sites must be a list of texts, each a kind (search, social" in ran.err

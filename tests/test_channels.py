"""Traffic sources: every row of the channel table, the notes on it, and hostile input."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from typing import TypedDict, Unpack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickcli.channels import CHANNELS, GROUPS, classify
from clickcli.data.hosts import covers, parse, registrable
from clickcli.data.sites import SITES, Site


class Given(TypedDict, total=False):
    """What a row gives besides the referrer."""

    page_url: str
    utm_source: str
    utm_medium: str
    utm_campaign: str
    click_id: str


def _utm(source: str = "", medium: str = "", campaign: str = "") -> Given:
    return Given(utm_source=source, utm_medium=medium, utm_campaign=campaign)


# (row of the table, channel, coarse group): inputs that must end there.
GOLDEN: dict[tuple[int, str, str], list[tuple[str | None, Given]]] = {
    (1, "Direct", "direct"): [
        (None, {}),
        ("", {}),
        ("-", {}),
        ("$direct", {}),
        ("about:blank", {}),
        (None, _utm("(direct)", "(none)")),
        (None, _utm("(direct)")),
        (None, Given(page_url="https://shop.example/a?b=c", click_id="fbclid")),
    ],
    (2, "Cross-network", "paid"): [
        (None, _utm(campaign="cross-network")),
        ("https://www.google.com/", _utm("google", "cpc", "Spring Cross-Network 2")),
        (None, Given(utm_campaign="cross-network", click_id="gclid")),
    ],
    (3, "Paid Shopping", "paid"): [
        ("www.ebay.co.uk", Given(utm_medium="ppc")),
        (None, _utm("ebay", "ppc")),
        (None, _utm("amazon.de", "cpc")),
        (None, _utm("", "ppc", "shopping")),
        (None, _utm("newsletter", "paid", "eshop-sale")),
        ("https://www.google.com/", Given(utm_campaign="Shop_DE", click_id="gclid")),
    ],
    (4, "Paid Search", "paid"): [
        ("www.google.co.uk", Given(click_id="gclid")),
        (None, Given(click_id="gad_source")),
        (None, Given(click_id="wbraid")),
        (None, Given(click_id="gbraid")),
        (None, Given(click_id="msclkid")),
        (None, _utm("yahoo", "ppc")),
        (None, _utm("bing", "cpc")),
        (None, Given(utm_source="google", utm_medium="pmax", click_id="gad_source")),
        (None, Given(page_url="https://shop.example/?gclid=Cj0&x=1")),
        ("https://duckduckgo.com/", Given(utm_source="bing", click_id="msclkid")),
        (None, _utm("google", "cpm")),
    ],
    (5, "Paid Social", "paid"): [
        ("https://l.facebook.com/", _utm("facebook", "cpc")),
        (None, _utm("fb", "paid_social")),
        (None, _utm("ig", "paid")),
        (None, _utm("linkedin", "retargeting")),
        (None, _utm("l.instagram.com", "cpv")),
        ("https://www.reddit.com/r/a", Given(click_id="gclid")),
    ],
    (6, "Paid Video", "paid"): [
        ("youtube.com", Given(utm_medium="cpc")),
        (None, _utm("youtube.com", "cpc")),
        ("https://www.youtube.com/", Given(click_id="gclid")),
        (None, _utm("vimeo", "paidvideo")),
    ],
    (7, "Display", "paid"): [
        (None, _utm("partner", "cpm")),
        (None, _utm("partner", "display")),
        (None, _utm("google", "banner")),
        (None, _utm("x-net", "expandable")),
        (None, _utm("dv360", "interstitial")),
        (None, _utm("dbm", "CPM")),
    ],
    (8, "Paid Other", "paid"): [
        (None, _utm("partner", "cpc")),
        (None, _utm("partner", "paid-something")),
        (None, _utm("", "ppc")),
        (None, _utm("newsletter", "retargeting")),
        ("https://pagead2.googlesyndication.com", {}),
        ("https://trc.taboola.com/x", {}),
        (None, Given(utm_source="partner", click_id="gclid")),
        ("https://chatgpt.com/", Given(click_id="gclid")),
    ],
    (9, "Organic Shopping", "organic"): [
        ("https://www.ebay.de/itm/1", {}),
        ("https://www.amazon.co.jp/", {}),
        (None, _utm("etsy", "referral")),
        (None, _utm("blog", "post", "pop-up shop")),
        ("https://www.google.com/shopping/product/1", {}),
        (None, _utm("blog", "x", "shopping")),
    ],
    (10, "Organic Social", "social"): [
        ("https://l.facebook.com/l.php?u=x", Given(click_id="fbclid")),
        ("https://t.co/abc", {}),
        ("https://x.com/", {}),
        ("https://lnkd.in/e", {}),
        ("android-app://com.instagram.android/", {}),
        ("https://www.pinterest.co.uk/pin/1", {}),
        (None, _utm("newsletter", "social")),
        (None, _utm("a", "social-network")),
        (None, _utm("a", "social-media")),
        (None, _utm("a", "sm")),
        (None, _utm("tiktok")),
    ],
    (11, "Organic Video", "organic"): [
        ("https://www.youtube.com/watch?v=1", {}),
        ("https://youtu.be/1", {}),
        ("https://player.vimeo.com/video/1", {}),
        (None, _utm("blog", "in-video-link")),
    ],
    (12, "Organic Search", "organic"): [
        ("https://www.google.com/", {}),
        ("https://google.com.br", {}),
        ("duckduckgo.com", {}),
        ("https://uk.search.yahoo.com/search", {}),
        ("https://ya.ru/", {}),
        ("https://search.brave.com", {}),
        (None, _utm("mysite", "organic")),
        ("https://www.google.de/", Given(utm_campaign="brand")),
        ("android-app://com.google.android.googlequicksearchbox/", {}),
    ],
    (13, "AI Assistant", "referral"): [
        ("https://chatgpt.com/", {}),
        ("https://claude.ai", {}),
        ("https://www.perplexity.ai/", {}),
        ("https://gemini.google.com/app", {}),
        ("https://copilot.microsoft.com/", {}),
        (None, Given(page_url="https://shop.example/?utm_source=chatgpt.com")),
        ("https://www.bing.com/chat?q=a", {}),
    ],
    (14, "Referral", "referral"): [
        ("https://blog.example.org/post", {}),
        (None, _utm("partner", "referral")),
        (None, _utm("partner", "app")),
        (None, _utm("partner", "link")),
        ("https://docs.google.com/document/d/1", {}),
        ("android-app://org.example.reader", {}),
        ("https://192.0.2.7/a", {}),
        ("http://[2001:db8::1]:8080/", {}),
    ],
    (15, "Email", "referral"): [
        (None, _utm("list", "email")),
        (None, _utm("list", "e-mail")),
        (None, _utm("list", "E_Mail")),
        (None, _utm("list", "e mail")),
        (None, _utm("email")),
        ("https://mail.google.com/mail/u/0/", {}),
        ("https://outlook.live.com/", {}),
        ("https://webmail.provider.example/", {}),
        ("http://co106w.col106.mail.live.com/default.aspx", {}),
    ],
    (16, "Affiliates", "referral"): [
        (None, _utm("partner", "affiliate")),
        (None, _utm("partner", "Affiliates")),
    ],
    (17, "Audio", "referral"): [(None, _utm("podcast", "audio")), (None, _utm("x1", "AUDIO"))],
    (18, "SMS", "referral"): [(None, _utm("twilio", "sms")), (None, _utm("sms", "text"))],
    (19, "Push", "referral"): [
        (None, _utm("app", "web-push")),
        (None, _utm("app", "mobile")),
        (None, _utm("app", "notification-click")),
        (None, _utm("firebase", "topic")),
    ],
    (20, "Unassigned", "unassigned"): [
        (None, _utm("newsletter")),
        (None, _utm("flyer", "qr")),
        (None, _utm(campaign="summer")),
        (None, _utm("partner", "push-button")),
        (None, _utm("taboola")),
    ],
}
ROWS = [(*row, *inputs) for row, cases in GOLDEN.items() for inputs in cases]


@pytest.mark.parametrize(("number", "channel", "group", "referrer", "more"), ROWS)
def test_every_row_of_the_table(
    number: int, channel: str, group: str, referrer: str | None, more: Given
) -> None:
    touch = classify(referrer, **more)
    assert (touch.channel, touch.group) == (channel, group), touch.why
    assert touch.why.startswith(f"rule {number} {channel}: ")
    assert touch.is_touch


def test_the_golden_table_has_every_channel_in_order() -> None:
    assert [number for number, _, _ in GOLDEN] == list(range(1, 21))
    assert tuple(channel for _, channel, _ in GOLDEN) == CHANNELS == tuple(GROUPS)


# Source, medium and search term of referrers; the longest matching host decides.
@pytest.mark.parametrize(
    ("referrer", "source", "medium", "term"),
    [
        ("http://www.google.com/search", "google", "organic", None),
        (
            "http://www.google.fr/search?hl=fr&q=tarot+cards%20old",
            "google",
            "organic",
            "tarot cards old",
        ),
        ("https://www.google.com/url?q=", "google", "organic", None),
        ("https://images.google.co.uk/imgres?q=cat", "google images", "organic", "cat"),
        ("http://www.bing.com/images/search?q=a+b&view=detail", "bing images", "organic", "a b"),
        ("http://go.mail.ru/search?q=Gothic%20Cards", "mail.ru", "organic", "Gothic Cards"),
        ("https://e.mail.ru/inbox", "mail.ru", "email", None),
        ("https://yandex.com.tr/search/?text=%D0%BA%D0%BE%D1%82", "yandex", "organic", "кот"),
        ("https://www.baidu.com/s?wd=a&q=b", "baidu", "organic", "a"),
        ("https://www.google.com/search?q=a;b", "google", "organic", "a;b"),
        ("https://m.facebook.com/", "facebook", "referral", None),
        ("https://www.threads.net/@user", "threads", "referral", None),
        ("https://go.bsky.app/redirect?u=x", "bluesky", "referral", None),
        ("https://deref-gmx.net/mail/client/x", "gmx", "email", None),
        ("https://mail.proton.me", "proton", "email", None),
        ("https://mail.google.com", "gmail", "email", None),
        ("https://gemini.google.com", "google gemini", "ai", None),
        ("https://docs.google.com/d/1", "google", "referral", None),
        ("https://googleads.g.doubleclick.net/", "google", "paid", None),
        ("https://ad.doubleclick.net/", "doubleclick", "paid", None),
        ("https://a.b.example.co.uk/x", "example.co.uk", "referral", None),
        ("https://news.example.com.au", "example.com.au", "referral", None),
        ("https://someone.github.io/x", "someone.github.io", "referral", None),
        ("android-app://org.example.reader/https/x", "org.example.reader", "referral", None),
        ("https://notgoogle.com/search?q=a", "notgoogle.com", "referral", None),
        ("https://google.com.evil.example/search?q=a", "evil.example", "referral", None),
        ("https://google.github.io/x", "google.github.io", "referral", None),
    ],
)
def test_referrers_give_source_medium_and_term(
    referrer: str, source: str, medium: str, term: str | None
) -> None:
    touch = classify(referrer)
    assert (touch.source, touch.medium, touch.term) == (source, medium, term)


@pytest.mark.parametrize(
    ("campaign", "channel"),
    [
        ("workshop", "Unassigned"),
        ("photoshop", "Unassigned"),
        ("bishop", "Unassigned"),
        ("shop", "Organic Shopping"),
        ("eshop", "Organic Shopping"),
        ("my-shop", "Organic Shopping"),
        ("window shopping", "Organic Shopping"),
    ],
)
def test_only_a_campaign_that_names_a_shop_is_shopping(campaign: str, channel: str) -> None:
    # "shop" counts at the start or after anything but the letters a-d and f-z.
    assert classify(None, **_utm("blog", "post", campaign)).channel == channel


def test_facebook_click_id_says_nothing_of_payment() -> None:
    touch = classify("https://l.facebook.com/", "https://shop.example/?fbclid=x")
    assert (touch.channel, touch.click_id) == ("Organic Social", "fbclid")


def test_a_paid_click_id_is_named_before_one_that_is_not() -> None:
    assert classify(None, "https://a.example/?fbclid=x&GCLID=y").click_id == "gclid"
    assert classify(None, "https://a.example/?gclid=").click_id is None


def test_a_click_id_names_the_source_only_where_nothing_else_does() -> None:
    assert classify(None, click_id="gclid").source == "google"
    assert classify(None, click_id="msclkid").source == "bing"
    assert classify("https://unknown.example", click_id="gclid").source == "google"
    assert classify("https://www.youtube.com", click_id="gclid").source == "youtube"
    assert classify(None, utm_source="partner", click_id="gclid").source == "partner"
    assert classify(None, click_id="gclid").medium == "cpc"


def test_missing_medium_is_not_set() -> None:
    touch = classify("https://www.google.com", utm_source="newsletter")
    assert (touch.source, touch.medium) == ("newsletter", "(not set)")
    assert classify("https://www.google.com", utm_campaign="x").medium == "(not set)"


def test_utm_wins_over_the_referrer_and_arguments_over_the_page() -> None:
    page = "/landing?utm_source=Page&utm_medium=email&utm_campaign=May%20Sale&utm_term=red+Shoes"
    touch = classify("https://www.google.com", page)
    assert (touch.source, touch.medium, touch.campaign) == ("page", "email", "may sale")
    assert touch.term == "red Shoes"
    assert classify(None, page, utm_source="argument").source == "argument"


@pytest.mark.parametrize("alias", ["fb", "FB", "facebook.com", "l.facebook.com", "Facebook"])
def test_source_aliases_have_one_name(alias: str) -> None:
    assert classify(None, utm_source=alias, utm_medium="x").source == "facebook"


@pytest.mark.parametrize(
    ("referrer", "page", "own", "through"),
    [
        ("https://www.shop.example/cart", None, ["shop.example"], []),
        ("https://shop.example", None, ["*.shop.example"], []),
        ("https://a.shop.example:8443/x", None, ["https://Shop.Example/"], []),
        ("https://blog.shop.co.uk/x", "https://www.shop.co.uk/?utm_source=x", [], []),
        ("https://www.paypal.com/checkoutnow", None, [], []),
        ("https://accounts.google.com/o/oauth2", None, [], []),
        ("https://3ds.bank.example/acs", None, [], ["bank.example"]),
        ("http://localhost:3000/", None, ["localhost"], []),
    ],
)
def test_own_and_pass_through_hosts_are_no_touch(
    referrer: str, page: str | None, own: list[str], through: list[str]
) -> None:
    touch = classify(referrer, page, own_hosts=own, pass_through=through)
    assert not touch.is_touch
    assert touch.why.startswith("rule 0 no touch: ")
    assert touch.channel == "Unassigned"


def test_neighbours_on_a_shared_host_are_not_own() -> None:
    assert classify("https://one.github.io/", "https://two.github.io/").is_touch
    assert classify("https://myshop.example/", own_hosts=["shop.example"]).is_touch


def test_own_sites_can_be_added_and_win() -> None:
    sites = (
        Site("intranet search", "search", "find.corp.example", "corpfind", "needle"),
        Site("google", "other", "google.com"),
    )
    touch = classify("https://find.corp.example/?needle=tea", sites=sites)
    assert (touch.source, touch.channel, touch.term) == ("intranet search", "Organic Search", "tea")
    assert classify("https://www.google.com", sites=sites).channel == "Referral"
    assert classify("https://www.google.com").channel == "Organic Search"


@pytest.mark.parametrize(
    "text",
    [
        "http://",
        "://",
        "//",
        "///x",
        "http://[::1",
        "http://]",
        "http://a..b",
        "http://.",
        "%",
        "http://%zz.example/%",
        "javascript:alert(1)",
        "mailto:a@b.example",
        "data:text/html,x",
        "file:///etc/passwd",
        "chrome-extension://abc/x",
        "just words",
        "null",
        "http:///path",
        "http://" + "a" * 300 + ".example",
        "\x00",
        "\ud800",
        "http://-bad-.example",
        "http://\u202e",
    ],
)
def test_what_is_no_web_address_is_no_referrer(text: str) -> None:
    assert classify(text).channel == "Direct"


def test_addresses_are_read_as_browsers_mean_them() -> None:
    hosts = {
        "HTTPS://User:Pass@WWW.Example.COM.:443/a": "www.example.com",
        "example.com/path?x": "example.com",
        "//cdn.example.com/x": "cdn.example.com",
        "http://a.example\\@b.example/": "a.example",
        "http://münchen.example/": "xn--mnchen-3ya.example",
        "http://ex\nam\tple.com/": "example.com",
        "http://[2001:DB8::1]:80/": "[2001:db8::1]",
        "example.com:8080": "example.com",
        "http://intranet/": "intranet",
    }
    assert {text: getattr(parse(text), "host", None) for text in hosts} == hosts


def test_registrable_domains() -> None:
    cases = {
        "a.b.example.com": "example.com",
        "example.co.uk": "example.co.uk",
        "co.uk": "co.uk",
        "a.example.ne.jp": "example.ne.jp",
        "t.co": "t.co",
        "x.t.co": "t.co",
        "localhost": "localhost",
        "192.0.2.1": "192.0.2.1",
        "a.b.pages.dev": "b.pages.dev",
    }
    assert {host: registrable(host) for host in cases} == cases


def test_a_pattern_covers_whole_labels_only() -> None:
    assert covers("example.com", "a.example.com")
    assert not covers("example.com", "badexample.com")
    assert not covers("", "example.com")


def test_huge_and_broken_values_are_cut_and_cleaned() -> None:
    query = "&".join(["a%zz=%ff"] * 200_000)
    touch = classify(
        "http://" + "a." * 500_000,
        "http://x.example/?" + query,
        utm_source="%25" * 1_000_000,
        utm_campaign="a\x1b[31m\nb\u202ec",
    )
    assert len(touch.source) <= 500
    assert touch.campaign == "a [31m b c"
    assert classify(None, utm_source="caf%C3%A9", utm_medium="100%").medium == "100%"
    assert classify(None, utm_source="caf%C3%A9").source == "café"
    assert classify("https://www.google.com/search?q=%E4%ff").term == "\ufffd\ufffd"


class Anything(TypedDict, total=False):
    """Keyword arguments drawn at random."""

    utm_source: str | None
    utm_medium: str | None
    utm_campaign: str | None
    click_id: str | None


def _check(referrer: str | None, page: str | None, **more: Unpack[Anything]) -> None:
    touch = classify(referrer, page, **more)
    assert GROUPS[touch.channel] == touch.group
    assert touch.source
    assert touch.medium
    assert touch.why
    for value in (touch.source, touch.medium, touch.campaign or "", touch.term or ""):
        assert len(value) <= 500
        value.encode()
        assert not any(ord(character) < 32 for character in value)
    assert classify(referrer, page, **more) == touch


_PIECES = st.sampled_from(
    [
        "http",
        "://",
        "/",
        "?",
        "&",
        "=",
        "#",
        "%",
        "%41",
        "%zz",
        "www.",
        "google.",
        "com",
        "co.uk",
        "utm_source",
        "utm_medium",
        "cpc",
        "gclid",
        "[",
        "]",
        ":",
        "@",
        "ü",
        "\ud800",
        "\x00",
        "\\",
    ]
)
_TEXT = st.none() | st.text(max_size=40) | st.lists(_PIECES, max_size=14).map("".join)


@given(_TEXT, _TEXT, _TEXT, _TEXT, _TEXT, _TEXT)
def test_no_input_breaks_it(
    referrer: str | None,
    page: str | None,
    source: str | None,
    medium: str | None,
    campaign: str | None,
    click_id: str | None,
) -> None:
    _check(
        referrer,
        page,
        utm_source=source,
        utm_medium=medium,
        utm_campaign=campaign,
        click_id=click_id,
    )


def test_no_host_or_name_is_listed_twice() -> None:
    for field in ("hosts", "names"):
        counts = Counter(word for site in SITES for word in getattr(site, field).split())
        assert [word for word, count in counts.items() if count > 1] == []
    assert all(site.name == site.name.lower() for site in SITES)


def test_importing_reads_no_list_and_no_heavy_library() -> None:
    code = (
        "import sys, clickcli.channels; "
        "print([n for n in ('clickcli.data.sites', 'polars', 'numpy') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

"""A seeded sample of every campaign; scripts/campaign runs them in full."""

from __future__ import annotations

import pytest

from tests.campaign.campaign import Bench, Campaign, ImpossibleHereError
from tests.campaign.registry import CAMPAIGNS

TRACED = {"calls", "errors", "space", "power", "control", "image", "image-control"}


def group(campaign: Campaign) -> str:
    """Return with which others a campaign runs, so that two workers have about as much to do."""
    return "traced campaigns" if campaign.name in TRACED else "campaigns"


@pytest.mark.parametrize(
    "campaign",
    [
        pytest.param(c, id=c.name, marks=pytest.mark.xdist_group(group(c)))
        for c in CAMPAIGNS
        if c.sample
    ],
)
def test_the_store_survives(campaign: Campaign, bench: Bench) -> None:
    try:
        tally = campaign.result(bench, campaign.sample)
    except ImpossibleHereError as error:
        pytest.skip(str(error))
    assert not tally.failures, "\n".join(tally.failures)
    assert tally.hits >= tally.points / 2

"""All campaigns, in the order in which they run."""

from __future__ import annotations

from typing import Final

from tests.campaign import calls, crowd, damage, follow, image, kills, power, readonly, space
from tests.campaign.campaign import Campaign

CAMPAIGNS: Final[tuple[Campaign, ...]] = (
    kills.CAMPAIGN,
    *calls.CAMPAIGNS,
    space.CAMPAIGN,
    readonly.CAMPAIGN,
    *power.CAMPAIGNS,
    *image.CAMPAIGNS,
    damage.CAMPAIGN,
    crowd.CAMPAIGN,
    follow.CAMPAIGN,
)

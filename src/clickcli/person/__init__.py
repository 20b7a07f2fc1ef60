"""Who is this: one person's profile, habits, tastes, carts, sessions, and what to do next.

Definition
----------
The person is a known user with the devices linked to it, at the times at which they were its own,
or a device that no link gives to a user. Everything is as of a moment (``--as-of``): later events
change nothing. Sessions, channels, carts and searches are those of the analyses of these names.

Stage, the first that fits: new (seen for less than ``new_days``), incomplete profile (completeness
known and below ``complete_share``), low engagement (fewer than ``low_events`` events), power (more
than ``power_days`` since first seen and more than ``power_events`` events), else active. Intent, by
the last ``intent_events`` events: more than ``intent_searches`` searches are searching, more than
``intent_carts`` events of cart or checkout buying, more than ``intent_same_item`` views of one item
comparing, more than ``intent_views`` views of items or content researching, else browsing. The next
action is that of the first rule of ``actions`` that fits. These are settings of ``[person]`` in
clickcli.toml. Events that people do not cause (``passive_events``) count for none of this.

A preference is a value with its share of what it was counted over; confidence is the lower bound
of that share's Wilson 95 % interval, so that one event of one says little. Categories and brands
count lines of views, adds and purchases; channels count sessions; hours, weekdays, devices count
events; what the person said is ``explicit``. Decision time runs from an item's first view to its
first purchase.

Churn risk, engagement and loyalty are the scores of ``features``; segment and value tier are those
of ``rfm`` and ``clv`` as they come by default, for whom everybody's purchases are read once more,
and none for a person without a purchase. Recommendations are the first of ``recommend``, unless the
model was trained on what came after as-of.
"""

from __future__ import annotations

"""What is wrong with a log: checks of tracking, ids, clocks, money and types, with findings.

*Definition*: a check is a declared question with thresholds; a finding is what breaks one, with
a severity: ``error``, numbers are wrong or events are lost; ``warning``, numbers are distorted;
``info``, worth knowing. Bots and nobody are looked at like everybody.

*Output*: ``findings``, the worst first, and ``checks``, every check with its threshold and how
much it looked at, so that finding nothing is explained.

*Cost*: a pass over a few columns for each check, one over the JSON of ``properties`` for all that
need it. Memory holds a number for each person, device, hour, and place in the order of arrival.
"""

from __future__ import annotations

from clickcli.doctor.check import Check, Finding, Found, Severity
from clickcli.doctor.diagnosis import diagnose, gathered
from clickcli.doctor.evidence import Evidence, Records
from clickcli.doctor.plan import Plan, parse_plan, read_plan

__all__ = [
    "Check",
    "Evidence",
    "Finding",
    "Found",
    "Plan",
    "Records",
    "Severity",
    "diagnose",
    "gathered",
    "parse_plan",
    "read_plan",
]

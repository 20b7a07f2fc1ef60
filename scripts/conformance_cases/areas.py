"""Which function asks the questions of which area."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from conformance_cases.active import lifecycle, stickiness
from conformance_cases.case import Case, Check
from conformance_cases.channel import channel
from conformance_cases.clv import clv
from conformance_cases.funnel import funnel
from conformance_cases.paths import paths
from conformance_cases.patterns import patterns
from conformance_cases.recmetrics import recmetrics
from conformance_cases.retention import retention
from conformance_cases.sessions import sessions

AREAS: Mapping[str, Callable[[Case, Check], None]] = {
    "channel": channel,
    "clv": clv,
    "funnel": funnel,
    "lifecycle": lifecycle,
    "paths": paths,
    "patterns": patterns,
    "recmetrics": recmetrics,
    "retention": retention,
    "sessions": sessions,
    "stickiness": stickiness,
}

"""Presets: how the logs of other tools are read, one declarative module each."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Final

from clickcli.errors import unknown

if TYPE_CHECKING:
    from clickcli.store.presets.base import Preset

MODULES: Final[Mapping[str, str]] = {
    "amplitude": "amplitude",
    "apache": "access",
    "ga4": "ga4",
    "matomo": "matomo",
    "mixpanel": "mixpanel",
    "nginx": "access",
    "posthog": "posthog",
    "rudderstack": "segment",
    "segment": "segment",
    "snowplow": "snowplow",
}
"""The name of each preset, and the module that declares it as ``PRESET``."""
AUTO: Final = "auto"


@cache
def find_preset(name: str) -> Preset:
    """Return the preset of this name. Raises UsageError, with a suggestion, for another."""
    if name not in MODULES:
        raise unknown("preset", name, MODULES)
    preset: Preset = import_module(f"{__name__}.{MODULES[name]}").PRESET
    return preset

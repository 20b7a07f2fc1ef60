"""Upkeep of a store: merge small files, take a batch back, check every file."""

from __future__ import annotations

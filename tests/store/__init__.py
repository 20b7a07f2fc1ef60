"""Tests of ingest and the store."""

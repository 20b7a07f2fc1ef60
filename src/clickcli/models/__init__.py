"""Adapters to scientific libraries: arrays and plain tables in, arrays and plain tables out."""

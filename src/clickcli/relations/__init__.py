"""Derived tables that several analyses need."""

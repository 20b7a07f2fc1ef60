"""Recommenders: interactions in, a score for every item out; how good they are, and which is best.

Nothing here reads a store. People and items are whole numbers from 0 on.
"""

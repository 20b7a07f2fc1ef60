"""Fault campaigns: the installed program is killed, starved, cut off; the store must not care.

``scripts/campaign`` runs them in full, ``test_campaign.py`` a seeded sample of each.
"""

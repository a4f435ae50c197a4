"""A library verified, repaired, recovered, backed up and restored.

First room: `verify`.
"""

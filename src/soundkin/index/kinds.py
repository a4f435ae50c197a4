"""The kinds of index, as people name them."""

from __future__ import annotations

INDEX_KINDS = {
    "exact": "exact, every segment is compared",
    "scan": "random projections, all codes are read",
    "lists": "random projections in {n_lists} inverted lists",
}

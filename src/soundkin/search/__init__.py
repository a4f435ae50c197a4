"""Query by example: queries, hits, feedback, why; duplicates and suggested tags.

A `query` is embedded by `query_embedder` and answered from the `shared_index`, as `hits`.
First room: `searcher`.
"""

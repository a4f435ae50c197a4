"""Query by example: queries, hits, feedback, why; duplicates and suggested tags.

A `query` is embedded by `query_reader` and answered from the `shared_index`, as `hits`.
First room: `searcher`.
"""

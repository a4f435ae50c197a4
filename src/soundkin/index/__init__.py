"""Nearest neighbours among segment vectors: exact, or RaBitQ codes in inverted lists.

It never sees audio, nor a library. First room: `vector_index`.
"""

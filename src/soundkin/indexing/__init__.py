"""Folders into a library: once, again, or as they change.

`survey` says what is to do, `indexer` does it. First room: `folders`.
"""

"""Folders into a library: once, again, or as they change.

`folder_scan` says what is to do, `indexer` does it. First room: `folders`.
"""

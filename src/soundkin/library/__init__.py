"""One collection: recordings, tags and vectors, in an SQLite file or in Lance tables.

It never sees audio. First room: `library`, over `reader`; `open` opens either kind.
"""

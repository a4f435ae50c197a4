"""A library in Lance tables, on a disk, a shared folder or object storage.

The facts of the tables are read from an SQLite cache, writes go to both.
First room: `lance_library`.
"""

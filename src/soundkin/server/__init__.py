"""`soundkin serve`: the HTTP API under /api/v1, and the page's files.

`run` listens, `middleware` lets in, `routes` answer from what `state` holds. First room: `app`.
"""

"""`soundkin serve`: the HTTP API under /api/v1, and the page's files."""

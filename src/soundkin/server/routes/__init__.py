"""One module for each part of the API: its routes, requests and responses."""

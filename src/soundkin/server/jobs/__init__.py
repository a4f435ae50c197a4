"""Long work in a process of its own: indexing, the map, watching. First room: `runner`."""

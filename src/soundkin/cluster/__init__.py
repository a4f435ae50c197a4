"""The same work on a Ray cluster: index, train, serve. First room: `index`."""

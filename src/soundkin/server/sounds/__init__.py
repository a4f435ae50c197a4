"""A sound by id: recordings, uploads, and previews of them. First room: `sound`."""

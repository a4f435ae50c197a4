"""Every occurrence of a sound in recordings, however long: where each begins and ends.

A `scene` is what is searched, `templates` are what it is searched with, `threshold` tells which
scores are too high for chance, `edges` finds begin and end in the audio. First room: `finder`.
"""

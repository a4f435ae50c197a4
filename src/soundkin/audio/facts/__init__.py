"""Facts of a sound, measured from its samples: loudness, brightness, pitch, tempo, onsets.

First room: `meter`, which is fed block by block and has the others measure.
"""

"""Facts of a sound, measured from its samples: how loud, bright, high, fast, busy, noisy,
and in which key.

First room: `meter`, which is fed block by block and has the others measure.
"""

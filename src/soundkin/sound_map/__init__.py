"""Every recording as a point near those that sound like it: laid out, kept and drawn.

`points` are laid out by `tsne`, kept by `disk`, drawn by `html` and `png`. First room: `sound_map`.
"""

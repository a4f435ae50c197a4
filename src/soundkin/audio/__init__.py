"""Sound files to samples, and samples to what is seen and measured of them.

`walk` finds files, `decoders` opens them; `read` makes waveforms of what they give, whole, a
region, or block by block. First room: `read`.
"""

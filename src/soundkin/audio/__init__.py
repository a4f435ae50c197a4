"""Sound files to samples, and samples to what is seen and measured of them.

`open` chooses a decoder (`sndfile`, `ffmpeg`) for a file; `read` makes waveforms of what it gives,
whole, a region, or block by block. First room: `read`.
"""

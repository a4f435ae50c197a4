"""Sound files opened and decoded, whatever they are, at their own rate, from any sample on.

`open` opens a file, `choose` finds who reads it whole: `sndfile`, `ffmpeg`, or its parts one after
the other (`chained`). `decoder_process` does so in a process apart. First room: `decoder`.
"""

"""Copies of one sound: other formats, levels, trims, speeds; told from another take of it.

Vectors propose `groups`; fingerprints (`outline`) are brought one over the other by `alignment`,
and `waveform_check` has the last word. `differences` says what a copy has lost. First room:
`groups`.
"""

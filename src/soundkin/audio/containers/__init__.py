"""What a sound file's own structure says it holds, read without decoding.

Decoders believe headers; recorders die before they write them, and people join files. Each room
reads one family of containers: where its sound lies, and how much there is. First room: `riff`.
"""

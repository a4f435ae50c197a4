"""An embedding learned without labels, by torch.

`waveform_cache` decodes recordings, `pairs` draws and deforms them, `trainer` steps the `network`,
`export` writes it as a model. First room: `trainer`.
"""

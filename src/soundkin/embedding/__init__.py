"""Sounds to unit vectors: models, others' encoders, worker processes.

`pool` has processes that each have an `embedder`, which cuts a sound into `segments` and gives
them to a `model`. First room: `embedder`.
"""

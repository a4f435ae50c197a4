"""How good a model is, and an index: retrieval, robustness, recall; deformations to hear.

First room: `retrieval`.
"""

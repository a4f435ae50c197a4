"""Kits: a few one-shots, each with a place on a keyboard, to play, vary and take away."""

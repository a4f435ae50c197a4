"""What is asked of the operating system: whole files, far files, events, processes, limits.

First room: `files`.
"""

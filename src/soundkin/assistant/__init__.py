"""What assistants may ask by the Model Context Protocol: `server.py` first.

Each tool is a request of the HTTP API, made in this process, with sounds named as people name them.
"""

"""`python -m soundkin` is the command `soundkin`."""

from soundkin.cli import main

main()

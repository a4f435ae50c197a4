"""`soundkin completion`."""

from __future__ import annotations

import click


@click.command(
    epilog="""\b
Examples:
  eval "$(soundkin completion bash)"                              in ~/.bashrc
  eval "$(soundkin completion zsh)"                               in ~/.zshrc
  soundkin completion fish > ~/.config/fish/completions/soundkin.fish
"""
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that completes soundkin's commands in a shell."""
    from click.shell_completion import get_completion_class

    root = click.get_current_context().find_root().command
    kind = get_completion_class(shell)
    assert kind is not None  # the choices above all exist
    click.echo(kind(root, {}, "soundkin", "_SOUNDKIN_COMPLETE").source())

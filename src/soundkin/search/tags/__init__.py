"""Tags suggested for sounds that have none, with the precision of such suggestions.

`votes` are the tags of what sounds alike, `precision` says how often they are right in this
library, or that no tag is. First room: `suggestions`.
"""

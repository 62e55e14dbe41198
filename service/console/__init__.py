"""The moderators' console: blueprint /moderation, in French, server-rendered; everything works without JavaScript."""

from service.console import desk, office
from service.console.door import blueprint

__all__ = ["blueprint", "desk", "office"]

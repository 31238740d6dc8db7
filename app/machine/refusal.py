"""The one exception of this room: why the machine cannot run, in a line for a person."""


class CannotRun(Exception):
    """Something outside stands in the way; the message says what, and what to do about it."""

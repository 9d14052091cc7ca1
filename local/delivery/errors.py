"""Errors of the commands that serve and push."""


class DeliveryError(Exception):
    """A command cannot go on; the message says what, where and what to do, in one line."""

"""What is known of the configuration's loading, in plain numbers.

What must not live here: metric names and their text form.
"""

__all__ = ["ConfigurationTally"]


class ConfigurationTally:
    """Whether the last attempt to load one worked, and when the one in use was loaded, in seconds since the epoch."""

    __slots__ = ("loaded_at", "successful")

    def __init__(self) -> None:
        self.loaded_at = 0.0
        self.successful = True

    def loaded(self, now: float) -> None:
        self.loaded_at = now
        self.successful = True

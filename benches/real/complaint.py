"""An error that is the user's to mend."""


class Complaint(Exception):
    """What was found and expected, and perhaps what to do; ends a check with exit code 1."""

    def __init__(self, message, hint=None):
        super().__init__(message)
        self.hint = hint

    def text(self):
        return f"error: {self}" + (f"\nhint: {self.hint}" if self.hint else "")

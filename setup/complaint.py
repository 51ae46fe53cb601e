"""An error that is the user's to mend: what was found and expected, and what to do."""


class Complaint(Exception):
    """Printed as `error:` and `hint:` lines; ends the run with exit code 1."""

    def __init__(self, message, hint=None):
        super().__init__(message)
        self.message = message
        self.hint = hint

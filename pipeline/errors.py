"""The one family of errors that users see: what is wrong, where, and the fix, on one line."""


class UserError(Exception):
    """A problem with what the user gave us. Rendered once, by the command line, without a traceback.

    `what` is the problem, `where` the file and place, `fix` what to do about it.
    """

    def __init__(self, what: str, *, where: object = None, fix: str | None = None) -> None:
        self.what, self.where, self.fix = what, where, fix
        super().__init__(str(self))

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where is not None else ""
        remedy = f" Fix: {self.fix}" if self.fix else ""
        return " ".join(f"{place}{self.what.rstrip('.')}.{remedy}".split())


class InputError(UserError):
    """An export, corpus or deck that cannot be read as such."""


class CodebookError(UserError):
    """A codebook that breaks its own rules."""


class ModelError(UserError):
    """A model that is missing, damaged, or made for something else."""


class OutputError(UserError):
    """A place that cannot be written to."""

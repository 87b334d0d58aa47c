"""What errors and names say, on one line."""


def one_line(error: Exception) -> str:
    """The error's message on one line of bounded length, its type where it has no message."""
    return printable_line(str(error))[:500] or type(error).__name__


def printable_line(text: str) -> str:
    """The text on one line, with U+FFFD for what would steer a terminal: names come from data."""
    line = " ".join(text.split())
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in line)

"""Text that stays on its line and does not speak to a terminal.

What must not live here: which text is shown.
"""

__all__ = ["printable"]


def printable(text: str) -> str:
    """With everything escaped that is not a visible character or a space."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    # Bytes that are no UTF-8 came in as lone surrogates, which no codec writes.
    return char.encode("unicode_escape").decode()

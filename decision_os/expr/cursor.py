"""The words of a text one after another, what is suspicious among them, and errors that point at one."""

from __future__ import annotations

from decision_os.errors import ExpressionError, Issue, Severity, Where
from decision_os.expr.notation import plain_text, tokens
from decision_os.expr.place import error_at, short
from decision_os.expr.tokens import Token
from decision_os.expr.tree import Node

__all__ = ["Cursor"]


class Cursor:
    """A place among the words of one text."""

    def __init__(self, text: str, currency: str) -> None:
        self.text = plain_text(text)
        self.tokens = tokens(self.text, currency=currency)
        self.at = 0
        self.token = self.tokens[0]
        self.warnings: list[Issue] = []

    def advance(self) -> Token:
        """Take the word that stands here."""
        token = self.token
        self.at += 1
        self.token = self.tokens[self.at]
        return token

    def is_op(self, text: str) -> bool:
        """Whether this operator stands here."""
        return self.token.kind == "op" and self.token.text == text

    def is_word(self, text: str) -> bool:
        """Whether this word of the language stands here."""
        return self.token.kind == "word" and self.token.text == text

    def expect(self, text: str, message: str, hint: str = "") -> Token:
        """Take this operator; `message` says what is wrong where another word stands."""
        if not self.is_op(text):
            if self.token.kind == "end":
                raise self.error_on(self.token, f"{message}, but the expression ends", hint)
            raise self.error_on(self.token, f"{message}, not `{self.shown(self.token)}`", hint)
        return self.advance()

    def shown(self, token: Token) -> str:
        """A word as its author wrote it."""
        return short(self.text[token.start : token.end])

    def error(self, start: int, end: int, message: str, hint: str = "", code: str = "bad-expression") -> ExpressionError:
        """The error that points at a stretch of the text."""
        return error_at(self.text, start, end, message, hint, code)

    def error_on(self, token: Token, message: str, hint: str = "") -> ExpressionError:
        """The error that points at a word."""
        return self.error(token.start, token.end, message, hint)

    def warn(self, code: str, start: int, end: int, message: str, hint: str) -> None:
        """Add a warning that points at a stretch of the text."""
        error = error_at(self.text, start, end, message)
        self.warnings.append(Issue(code, message, Where("", error.line, error.column), Severity.WARNING, hint, error.excerpt))

    def quoted(self, node: Node) -> str:
        """What an author wrote for a node."""
        return self.text[slice(*node.span)]

"""Letters that are not what they look like, and characters that cannot be seen: refused with the name that was meant."""

from __future__ import annotations

import unicodedata
from typing import Final

from decision_os.expr import habits
from decision_os.expr.tokens import Scan

__all__ = ["refuse_disguise", "refuse_invisible"]

_LOOK_ALIKES: Final = dict(
    zip(
        # Cyrillic, Greek, dotless i, and strokes of East Asian scripts that look like an ASCII character
        "аеорсухіјѕԁһԛԝѵѡӏкАВЕКМНОРСТУХІЈЅԌԚԜҮҺ" + "αοινρυχκΑΒΕΖΗΙΚΜΝΟΡΤΥΧϳ" + "ı" + "一ー丨ㅣㅡノ〇",
        "aeopcyxijsdhqwvwlkABEKMHOPCTYXIJSGQWYh" + "aoivpuxkABEZHIKMNOPTYXj" + "i" + "--ll-/0",
        strict=True,
    )
)
_SCRIPTS: Final = ("LATIN", "GREEK", "CYRILLIC", "CJK", "HIRAGANA", "KATAKANA", "HANGUL", "IDEOGRAPHIC", "KATAKANA-HIRAGANA")


def refuse_invisible(scan: Scan) -> None:
    """Control characters, surrogates and whatever else leaves no trace on a screen."""
    for at, ch in enumerate(scan.text):
        if not ch.isprintable() and ch not in "\t\r\n" and unicodedata.category(ch) != "Zs":
            other = "a surrogate" if "\ud800" <= ch <= "\udfff" else "a control character"
            message = f"U+{ord(ch):04X} ({unicodedata.name(ch, other).lower()}) has no place in an expression"
            raise scan.error(at, at + 1, message, "it cannot be seen: type the text anew")


def refuse_disguise(scan: Scan, written: str, at: int, end: int) -> None:
    """A name that is not written in plain letters, or holds letters that pass for others."""
    normal = unicodedata.normalize("NFKC", written)
    if normal != written:
        power = next((ch for ch in written if ch in "²³⁴⁵⁶⁷⁸"), "")
        known = habits.CHARACTERS.get(written, "")
        hint = f"write `** {unicodedata.digit(power)}`" if power else f"did you mean `{normal}`?" if normal.isidentifier() else known
        raise scan.error(at, end, f"`{written}` is not written in plain letters", hint)
    plain = "".join(_LOOK_ALIKES.get(ch, ch) for ch in written)
    latin = any(ch.isascii() and ch.isalpha() for ch in written)
    if plain != written and (latin or plain.isascii()):
        odd = next(ch for ch in written if ch in _LOOK_ALIKES)
        message = f"`{written}` holds U+{ord(odd):04X}, which only looks like `{_LOOK_ALIKES[odd]}`"
        raise scan.error(at, end, message, f"did you mean `{plain}`?")
    for ch in written:
        if not ch.isascii() and not (ch.isalpha() and _plain_letter(ch)):
            message = f"`{written}` holds U+{ord(ch):04X}, which a name may not"
            raise scan.error(at, end, message, "write such a name as a label, in backticks")


def _plain_letter(ch: str) -> bool:
    """A letter of a script whose words cannot pass for ASCII ones: not phonetic, right-to-left or mathematical letters."""
    script = unicodedata.name(ch, "").split(" ")[0]
    if script == "LATIN":
        return ch <= "\u017f" or "\u0218" <= ch <= "\u021b"
    return script in _SCRIPTS and not ("\u0460" <= ch <= "\u052f" and ch not in "Ґґ")

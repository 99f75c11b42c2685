"""Superscripts, subscripts and formulas (MathML, OMML) -> one line of text: `10^6`, `H2O`, `(a + 1)/2`."""

from __future__ import annotations

import re
from collections import defaultdict
from xml.etree.ElementTree import Element

from disc_lite.documents.htmlnodes import Tag
from disc_lite.documents.htmltree import elements, within
from disc_lite.documents.noise import is_note_mark

# Follows a raised or lowered part until the text after it is known; `separated` removes it.
END_OF_SCRIPT = "\0"
_END_BEFORE_WORD = re.compile(rf"{END_OF_SCRIPT}(?=\w)")

_ORDINAL = re.compile(r"st|nd|rd|th|er|ers|re|res|e|es|ème|eme|è|o|a|os|as|º|ª|ter|te|de|do|da")
_ELEMENT = re.compile(r"(?:[A-Z][a-z]?|[)\]])$")
_ROMAN_OR_DIGIT = re.compile(r"(?:\d|\b[IVXLCDM]+)$")
_SIMPLE = re.compile(r"[-+−–±]?[\w.,′*∗]+|\([^()]*\)")
_APPLIED = "\u2061"  # stands between a function and its argument
# A sign above a base -> its combining character, which is kept: the mean of x is not x.
_ABOVE = {
    "¯": "\u0304",
    "‾": "\u0304",
    "^": "\u0302",
    "ˆ": "\u0302",
    "~": "\u0303",
    "˜": "\u0303",
    "→": "\u20d7",
    "˙": "\u0307",
}
# MathML elements that can be written in one line; for a formula with any other, its author's TeX is clearer.
_LINEAR_TAGS = """
    math semantics mrow mi mn mo mtext ms mspace mstyle mpadded mphantom merror maction msup msub msubsup mfrac msqrt
    mroot mover munder munderover mfenced annotation annotation-xml
"""
_LINEAR = frozenset(_LINEAR_TAGS.split())

OFFICE_MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_OFFICE_RELATION = re.compile(r"\s*([=<>≤≥≠≈±→⇒∼≡])\s*")


def script_text(tag: Tag, before: str) -> str:
    """The text of a `<sup>` or `<sub>` that follows the text `before`; empty if it is the mark of a note."""
    if tag.name == "sup" and is_note_mark(tag, before):
        return ""
    return script(tag.get_text(), tag.name, before)


def script(text: str, kind: str, before: str) -> str:
    """A raised (`sup`) or lowered (`sub`) text as written in a line after `before`: `^6`, `_(i+1)`, the 2 of H2O."""
    text = " ".join(text.split())
    if not text:
        return ""
    if not re.search(r"[\w)\]}′%]$", before):
        return text  # no base before it: a mark, or a number in small type
    if kind == "sub" and text.isdigit() and _ELEMENT.search(before):
        return text  # H2O, B12
    letters = re.fullmatch(r"[^\W\d_]+\.?|[℠™®©]", text)
    if (
        kind == "sup"
        and letters
        and (
            len(text) > 2
            or not text.isascii()
            or (_ORDINAL.fullmatch(text) and _ROMAN_OR_DIGIT.search(before))
            or text in ("TM", "SM")
        )
    ):
        return text  # 1st, XIXe, Mlle
    return ("^" if kind == "sup" else "_") + _grouped(text) + END_OF_SCRIPT


def with_scripts(text: str, marked: re.Pattern[str]) -> str:
    """The text with its raised and lowered parts written as `script` does.

    Args:
        text: A line, or a part of one.
        marked: Matches such a part; its groups are the kind (`sup`, `sub`, `^` or `~`) and the text of the part.
    """
    parts: list[str] = []
    place = 0
    for found in marked.finditer(text):
        parts.append(text[place : found.start()])
        kind = "sup" if found[1].lower() in ("sup", "^") else "sub"
        parts.append(script(found[2], kind, "".join(parts[-3:])[-20:]))
        place = found.end()
    return separated("".join([*parts, text[place:]])) if parts else text


def separated(text: str) -> str:
    """The text without `END_OF_SCRIPT`, and with a space where a word would run into a raised or lowered part."""
    return _END_BEFORE_WORD.sub(" ", text).replace(END_OF_SCRIPT, "") if END_OF_SCRIPT in text else text


def math_text(tag: Tag) -> str:
    """A `<math>` as one line, from its elements if these can be written in a line, else its own copy in TeX."""
    annotations = (one for one in within(tag, ("annotation",)) if "tex" in one.get("encoding").lower())
    tex = tag.get("alttext") or next((one.get_text() for one in annotations), "")
    if tex and any(child.name not in _LINEAR for child in elements(tag)):
        return " ".join(tex.split())
    return " ".join(_linear(tag).split())


def _linear(tag: Tag) -> str:
    """A MathML element as text in one line."""
    inner = [child for child in tag.contents if isinstance(child, Tag)]
    parts = [_linear(child) for child in inner if not child.name.startswith("annotation")]
    match tag.name:
        case "mi" | "mn" | "mo" | "mtext" | "ms":
            text = " ".join(tag.get_text().split())
            if tag.name == "mo" and re.fullmatch(r"[=<>≤≥≠≈±+−∈→⇒∼≡∝×⋅·-]", text):
                return f" {text} "
            return "" if re.fullmatch("[\u2062-\u2064]", text) else text
        case "msqrt":
            return f"√({''.join(parts)})"
        case "mfrac" if tag.get("linethickness").startswith("0"):
            return _built("binomial", parts)
        case "mfenced":
            between = "".join(tag.attrs.get("separators", ",").split())[:1].replace(",", ", ")
            return f"{tag.attrs.get('open', '(')}{between.join(parts)}{tag.attrs.get('close', ')')}"
        case "mtr":
            return ", ".join(parts)
        case "mtable":
            return "; ".join(parts)
    return _built(tag.name, parts) or (_joined(parts) if parts else "" if tag.name == "mspace" else tag.get_text())


def _built(name: str, parts: list[str]) -> str:
    """A fraction, a root or a base with scripts, by its MathML or OMML name; empty for any other element."""
    match name, parts:
        case "mfrac" | "f", [above, below]:
            below = f"({below})" if re.fullmatch(r"\d+[^\W\d]\w*", below) else _grouped(below)  # 1/(2π)
            return f"{_grouped(above)}/{below}"
        case "binomial", [above, below]:
            return f"{_grouped(above)} choose {_grouped(below)}"
        case "mroot", [base, degree]:
            return f"{_grouped(base)}^(1/{degree})"
        case "mover", [base, above] if (sign := _ABOVE.get(above.strip())) is not None:
            return _marked(base, sign)
        case "msup" | "mover" | "sSup" | "limUpp", [base, above]:
            return f"{_scripted(base)}^{_grouped(above)}"
        case "msub" | "munder" | "sSub" | "limLow", [base, below]:
            return f"{_scripted(base)}_{_grouped(below)}"
        case "msubsup" | "munderover" | "sSubSup", [base, below, above]:
            return f"{_scripted(base)}_{_grouped(below)}^{_grouped(above)}"
    return ""


def _marked(letters: str, sign: str) -> str:
    """The letters with a combining sign on each: `x̄`."""
    return re.sub(r"[^\W_]", rf"\g<0>{sign}", letters)


def _joined(parts: list[str]) -> str:
    """The parts of a formula one after the other."""
    # A script or a denominator and the part after it must not run together: `c_2 x`, not `c_2x`.
    text = ""
    for part in parts:
        part = _grouped(part) if text.endswith(_APPLIED) and "/" in part else part
        apart = re.search(r"[\^_/][-−+]?[\w.,′]+$", text) is not None and part[:1].isalnum()
        text += (" " if apart else "") + part
    return text.replace(f"{_APPLIED}(", "(").replace(_APPLIED, " ")


def office_formula_text(element: Element) -> str:
    """The text of an Office formula, `<m:oMath>` or `<m:oMathPara>`, with a space on both sides."""
    return " " + " ".join(_OFFICE_RELATION.sub(r" \1 ", _office_linear(element)).split()) + " "


def _office_linear(element: Element) -> str:
    """An OMML element as text in one line."""
    kind = element.tag.removeprefix(OFFICE_MATH)
    named = [(child.tag.removeprefix(OFFICE_MATH), _office_linear(child)) for child in element]
    parts, part = [text for name, text in named if not name.endswith("Pr")], defaultdict(str, named)
    match kind:
        case "t":
            return element.text or ""
        case "rad":
            return _built("mroot", [part["e"], part["deg"]]) if part["deg"] else f"√({part['e']})"
        case "d":
            return (
                _property(element, "begChr", "(")
                + _property(element, "sepChr", "|").join(parts)
                + _property(element, "endChr", ")")
            )
        case "nary":
            bounds = f"_{_grouped(part['sub'])}" if part["sub"] else ""
            bounds += f"^{_grouped(part['sup'])}" if part["sup"] else ""
            return f"{_property(element, 'chr', '∫')}{bounds} {part['e']}"
        case "func":
            return f" {part['fName']} {_grouped(part['e'])}"
        case "f" if _property(element, "type", "bar") == "noBar":
            return _built("binomial", parts)
        case "acc":
            return _marked(part["e"], _property(element, "chr", "\u0302"))
        case "bar":
            return _marked(part["e"], "\u0304" if _property(element, "pos", "bot") == "top" else "\u0331")
        case "eqArr" | "m":
            return "; ".join(parts)
        case "mr":
            return ", ".join(parts)
    return _built(kind, parts) or _joined(parts)


def _property(element: Element, name: str, default: str) -> str:
    """The value of a property of an OMML element, which can be empty, or the default if it is missing."""
    kind = element.tag.removeprefix(OFFICE_MATH)
    found = element.find(f"{OFFICE_MATH}{kind}Pr/{OFFICE_MATH}{name}")
    return default if found is None else found.get(f"{OFFICE_MATH}val", "")


def _scripted(base: str) -> str:
    """The base of a script, in brackets if it has a fraction, so that the script applies to all of it."""
    return _grouped(base) if "/" in base else base


def _grouped(text: str) -> str:
    """A part of a formula in brackets, unless it already has them or is a single number or name."""
    text = " ".join(text.split())
    return text if _SIMPLE.fullmatch(text) else f"({text})"

"""Formulas of Office documents (OMML) -> one line of text: `a = πr^2`, `(a + 1)/2`."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element

from disc_lite.documents.formulas import grouped, scripted

MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_RELATION = re.compile(r"\s*([=<>≤≥≠≈±→⇒∼≡])\s*")


def formula_text(element: Element) -> str:
    """The text of `<m:oMath>` or `<m:oMathPara>`, with a space on both sides."""
    return " " + " ".join(_RELATION.sub(r" \1 ", _linear(element)).split()) + " "


def _linear(element: Element) -> str:
    kind = element.tag.removeprefix(MATH)

    def part(name: str) -> str:
        found = element.find(MATH + name)
        return _linear(found) if found is not None else ""

    match kind:
        case "t":
            return element.text or ""
        case "f":
            return f"{grouped(part('num'))}/{grouped(part('den'))}"
        case "sSup":
            return f"{scripted(part('e'))}^{grouped(part('sup'))}"
        case "sSub":
            return f"{scripted(part('e'))}_{grouped(part('sub'))}"
        case "sSubSup":
            return f"{scripted(part('e'))}_{grouped(part('sub'))}^{grouped(part('sup'))}"
        case "rad":
            degree = part("deg")
            return f"{grouped(part('e'))}^(1/{degree})" if degree else f"√({part('e')})"
        case "d":
            return f"({', '.join(_linear(child) for child in element.findall(MATH + 'e'))})"
        case "nary":
            sign = element.find(f"{MATH}naryPr/{MATH}chr")
            bounds = f"_{grouped(part('sub'))}" if part("sub") else ""
            bounds += f"^{grouped(part('sup'))}" if part("sup") else ""
            return f"{sign.get(MATH + 'val', '∫') if sign is not None else '∫'}{bounds} {part('e')}"
        case "func":
            return f" {part('fName')} {grouped(part('e'))}"
        case "mr":
            return ", ".join(_linear(child) for child in element) + "; "
    if kind.endswith("Pr"):
        return ""
    return "".join(map(_linear, element))

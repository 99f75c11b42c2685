"""Detects drafts that refer to their passage as a text, which the student does not have. Does not import torch.

Covers the languages that are recognised by frequent words, and Russian, Arabic and Chinese.
"""

from __future__ import annotations

import re

# Nouns for the passage, with their articles. Plurals are usually things in a passage ("Sentences are served").
_NOUNS = (
    r"(?:the|this|that) (?:\w+ )?(?:text|passage|document|article|excerpt|paragraph|author|writer|context)\b"
    r"(?! (?:message|file|editor|field|box|manager))",
    r"(?:the|this) sentence\b(?! (?:that|which|for|of|imposed))",
    r"(?:der|de[smn]|diese[rmsn]?|im|laut|das) (?:Text|Textes|Passage|Abschnitts?|Autors?|Textauszugs?)\b",
    r"(?:diese[rmsn]?|im|laut de[mr]) (?:Satz(?:es)?|Tabelle|Kapitel|Beispiel|Auszug)\b",
    r"(?:le|la|ce|cette|du|au|l['’]) ?(?:texte|passage|phrase|document|extrait|paragraphe|auteur)\b",
    r"(?:el|la|este|esta|del|al) (?:texto|pasaje|frase|oración|documento|fragmento|párrafo|autor)\b",
    r"(?:il|lo|la|questo|questa|nel|nella|del|dal|l['’]) ?(?:testo|brano|frase|documento|paragrafo|estratto|autore)\b",
    r"(?:o|a|este|esta|no|na|do|da|neste|nesta|ao) (?:texto|trecho|passagem|frase|documento|parágrafo|autor)\b",
    r"(?:de|het|deze|dit) (?:tekst|passage|document|fragment|alinea|auteur|schrijver)\b",
    r"(?:в|из|этот|этого|этом|автор|согласно|данном|данный) (?:текст\w*|отрывк\w*|отрывок|документ\w*|абзац\w*)\b",
    r"(?:النص|الفقرة|المقال|المقطع|الوثيقة|الكاتب)\b",
)
_AS_SAID = (
    r"(?:according to|based on|(?:mentioned|stated|described|shown|listed) in|selon|d['’]après|según|laut|secondo|"
    r"segundo|volgens|согласно|в соответствии с|وفقا? ل|حسب|sagt|dit|dice|diz|zegt|говорится|يقول)"
)
# Parts of a page: facts can contain them ("the table is set"), but not after "according to" ("according to the table").
_PARTS = (
    r"(?:table|list|section|chapter|example|figure|page|tabelle|liste|kapitel|beispiel|tableau|tabla|tabella|tabela|"
    r"tabel|таблиц\w*)"
)
_ARTICLE = r"(?:the|this|that|above|previous|following|first|last|der|die|dem|des|le|la|el|il|lo|a|o|de|het)"
_SHOWN = "(?:text|information|content|context|details|sentence|passage|example|table|list)"
_GIVEN = "(?:given|provided|above|preceding)"
_CHINESE = "(?:文|文章|文本|段落|段话|段文字|材料|短文|句子|表格|内容|資料|资料)"
REFERS = re.compile(
    rf"\b(?P<said>{_AS_SAID} )?(?P<noun>{'|'.join(_NOUNS)})(?P<says> (?:say|state|mention|describe|tell|explain)s?\b)?"
    rf"|\b{_GIVEN} {_SHOWN}\b|\b{_SHOWN} {_GIVEN}\b(?! (?:by|to|for|in)\b)"
    rf"|\b{_AS_SAID} (?:{_ARTICLE} )?{_PARTS}\b(?!(?: \d+)? (?:of|in|von|du|des?|del|di) )"
    rf"|\b(?:the )?(?:previous|preceding|above) {_PARTS}\b|\bin this {_PARTS}\b"
    r"|\bthe table (?:provide|show|list)s?\b"
    r"|\bthe (?:page|section|chapter) (?:say|state|mention|describe|explain|show)s?\b"
    rf"|\b(?:as|is|are|was|were) (?:mentioned|stated|described|provided|given|said|listed|shown) "
    rf"(?:above|here|in the {_SHOWN}\b(?! of\b)|in section \d+)|\bsaid about [\w ]+ here\b"
    r"|\bthe \w+ above(?=[ ,]*(?:have|has|do|does|is|are|was|were)\b|\s*\?)|\b(?:steht|wird|ist) (?:hier|oben)\b"
    rf"|文中|本文|上文|上述|原文|根据.{{0,4}}{_CHINESE}|(?:这|該|该|此|以上|上面的?|本){_CHINESE}|(?:文章|句子|短文|材料)(?:中|里|说|提到|讲)|段落|作者",
    re.IGNORECASE,
)

# Words with which a text refers to itself. A passage can do so, but without it nobody knows which page "this page" is,
# nor which contract "this contract".
ITSELF = re.compile(
    r"\b(?:this|these) (?:\w+ )?(?:page|document|section|chapter|paragraph|passage|text|guide|handbook|manual|policy|"
    r"memo|table|list|contract|agreement|lease|act|by-?law|regulations?|rules|notice|report|minutes|specification)\b"
    r"|\bdiese[rmsn]? (?:Seite|Dokuments?|Abschnitts?|Kapitels?|Textes|Text|\w*(?:handbuch|anleitung|richtlinie|"
    r"tabelle|liste|vertrag|vereinbarung|ordnung|satzung|gesetz|bericht|protokoll)(?:e?s)?)\b"
    r"|\b(?:ce (?:document|chapitre|texte|guide|manuel|tableau|contrat|bail|règlement|rapport)|cet accord|"
    r"cette (?:page|section|liste|convention|notice|politique|loi))\b"
    r"|\b[nd]?est(?:e (?:documento|capítulo|texto|manual|guia|contrato|acuerdo|acordo|reglamento|regulamento|informe|"
    r"relatório)|a (?:página|sección|seção|secção|guía|tabla|tabela|lista|política|ley|lei))\b"
    r"|\bquest(?:a (?:pagina|sezione|guida|tabella|legge)|o (?:documento|capitolo|testo|manuale|elenco|contratto|"
    r"accordo|regolamento|rapporto|verbale))\b"
    r"|\b(?:deze (?:pagina|tekst|handleiding|tabel|lijst|overeenkomst|wet)|dit (?:document|hoofdstuk|contract|"
    r"reglement|rapport|verslag|beleid))\b"
    r"|\bэт(?:а|ой|у|от|ого|ом|им|их|и) (?:страниц\w+|документ\w*|раздел\w*|глав\w+|текст\w*|таблиц\w+|договор\w*|"
    r"правил\w*|отч[её]т\w*|закон\w*)\b"
    r"|هذه (?:الصفحة|الاتفاقية)|هذا (?:المستند|القسم|الفصل|النص|الدليل|الجدول|العقد)"
    r"|[本此](?:页|頁|文档|文檔|章(?!程)|手册|手冊|指南|办法|辦法|规定|規定|制度|合同|合約|契約|协议|協議|条例|條例|章程|规程|"
    r"規程|規則|公约|守则|细则|細則|准则|报告|通知)|本节(?!目)",
    re.IGNORECASE,
)


def points_at_itself(question: str) -> bool:
    """Whether a question asks about "this page", "this contract" or the like."""
    return ITSELF.search(question) is not None


def refers(text: str, passage: str) -> bool:
    """Whether `text` refers to the passage as a text.

    It does not if the passage itself has "the document", "documents" or "a tender document"; in German it is enough
    that the passage has the word within another one.
    """
    text, passage = (" ".join(t.lower().split()) for t in (text, passage))
    for found in REFERS.finditer(text):
        _, _, rest = found[0].partition(" ")
        is_thing = found["noun"] and not (found["said"] or found["says"]) and _has_word(passage, found["noun"])
        if not (is_thing or found[0] in passage or (" " in rest and rest in passage)):
            return True
    return False


def _has_word(passage: str, noun: str) -> bool:
    """Whether the passage has the noun of "the document", also in the plural; in German also at the end of a word."""
    begins = "" if re.match(r"(?:der|die|das|de[mns]|diese)", noun) else r"\b"
    return re.search(begins + re.escape(re.split(r"[ '’]", noun)[-1]), passage) is not None

"""Open questions about a name, to which several answers can be true. Does not import torch.

"What does Ada Brink do?" is answered by "She runs the travel desk" and by "She signs every flight". But "What does the
clerk do?" asks about two people in two documents, so an open question counts only if it contains a name.
"""

from __future__ import annotations

import re

from disc_lite.qa import language_of
from disc_lite.qa.mentions import mentions
from disc_lite.qa.words import is_unspaced
from disc_lite.synthesis.facts import exclude_each_other, same_facts
from disc_lite.synthesis.mentioned_names import is_name

_OPEN = re.compile(
    r"^what (?:do|does|did|will|can|must|may|should|has|have|had)\b.* do\b"
    r"|^what (?:is|was|are|were) .*\b(?:doing|about)\b|^what (?:happens|happened|about)\b|^how about\b"
    r"|^what (?:is|was|are|were|do|does|did)\b.*\b(?:known(?! as)|responsible|in charge|roles?|jobs?|duties|tasks?)\b"
    r"|^(?:please )?(?:tell|describe|say something)\b"
    r"|^was (?:macht|machen|machte|tut|tat|weiß|wissen|passiert|geschieht|geschah)\b"
    r"|^was (?:ist|wird) .*\b(?:bekannt|gesagt)\b|^(?:wofür|für was) .*\b(?:zuständig|verantwortlich)\b"
    r"|^welche (?:aufgabe|rolle|funktion)|^(?:bitte )?(?:erzähl|beschreib)"
    r"|^que (?:fait|font|faisait|sait-on)\b|^qu['’]est-ce qu.*\b(?:fait|font)\b|^(?:parle|décri|raconte)"
    r"|^quel(?:le)?s? (?:est|sont|était) (?:le|la|les) (?:rôle|fonction|tâche|mission|travail)"
    r"|^¿?qué (?:hace|hacen|hacía|hizo|se sabe)\b|^(?:háblame|cuéntame|describe)\b"
    r"|^¿?cuál es (?:el|la) (?:papel|función|trabajo)"
    r"|^(?:che |che cosa |cosa )(?:fa|fanno|faceva|si sa)\b|^(?:parla|descrivi|racconta)"
    r"|^qual è (?:il|la) (?:ruolo|funzione|compito)"
    r"|^o que (?:faz|fazem|fazia|fez|se sabe)\b|^(?:fale|descreva|conte)\b|^qual é (?:o|a) (?:papel|função|trabalho)"
    r"|^wat (?:doet|doen|deed|weet men|is er bekend|is bekend)\b|^(?:vertel|beschrijf)\b"
    r"|^wat is de (?:rol|taak|functie)"
    r"|^что (?:делает|делают|делал\w*|известно)\b|^чем занима|^(?:расскажи|опиши)|^какова роль"
    r"|(?:做|干|負責|负责)(?:了|的是|些)*(?:什么|什麼|哪些)|(?:介绍|介紹)(?:一下)?|何をし|何を担当",
    re.IGNORECASE,
)
_WHO_IS = re.compile(
    r"^¿?(?:(?:who|what)(?: is| was|['’]s)|(?:wer|was) (?:ist|war)|qui (?:est|était)|qui[eé]n (?:es|era|fue)"
    r"|chi (?:è|era)|quem (?:é|era|foi)|wie (?:is|was)|кто (?:такой|такая|это)) (?P<name>[^?]+?) ?\?$",
    re.IGNORECASE,
)
_ARTICLED = r"(?:the|a|an|der|die|das|le|la|el|il|lo|o|de|het)"
# Characters with which names of Chinese people begin. Most such names have three; two are often another word (程序).
_SURNAMES = (
    "王李张張刘劉陈陳杨楊赵趙黄黃周吴吳徐孙孫胡朱高林何郭马馬罗羅梁宋郑鄭谢謝韩韓唐冯馮于董萧蕭程曹袁邓鄧许許傅沈曾彭吕呂苏蘇卢盧"
    "蒋蔣蔡贾賈丁魏薛叶葉阎閻余潘杜戴夏钟鍾汪田任姜范方石姚谭譚廖邹鄒熊金陆陸郝孔白崔康毛邱秦江史顾顧侯邵孟龙龍万萬段雷钱錢汤湯尹黎"
    "易常武乔喬贺賀赖賴龚龔文费費连連卓葛"
)
_HAN_NAME = re.compile(
    rf"^(?:[{_SURNAMES}][\u4e00-\u9fff]{{2}}|[{_SURNAMES}][\u4e00-\u9fff]?(?:先生|女士|太太|小姐))(?=[是在主都做干负負平])"
)


def can_both_hold(question: str, first: str, second: str) -> bool:
    """Whether two answers to a question can both be true, as far as their words show.

    They have the same facts, or the question is an open one about a name and they do not exclude each other.
    """
    if same_facts(question, first, second):
        return True
    return is_open(question) and not exclude_each_other(question, first, second)


def is_open(question: str) -> bool:
    """Whether a question asks for anything about a name: what somebody does, who that is, what is known of a place."""
    question = question.strip()
    language = language_of(question)
    if is_unspaced(question):
        named = "·" in question or "・" in question or _HAN_NAME.match(question) is not None
        return named and _OPEN.search(question) is not None
    names = [name for name in mentions(question, language) if _is_of_one_thing(name, question, language)]
    who = _WHO_IS.match(question)
    return bool(names) and (_OPEN.search(question) is not None or (who is not None and who["name"] in names))


def _is_of_one_thing(name: str, question: str, language: str) -> bool:
    """Whether a name can be expected to mean the same in all documents: not "the Tenant", "Table 5" or `keep`."""
    is_role = " " not in name and re.search(rf"\b{_ARTICLED} {re.escape(name)}\b", question, re.IGNORECASE) is not None
    return name[0].isupper() and is_name(name, language) and not is_role and not re.search(r"\d", name)

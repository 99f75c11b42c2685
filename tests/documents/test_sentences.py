"""Sentences by language: our own examples for each kind of the Golden Rules (Pragmatic Segmenter)."""

import pytest

from disc_lite.documents import sentence_spans

# `|` marks the end of a sentence; a space after it is part of the text.
RULES = {
    "English": """
        The bridge opens.| The keeper waits.
        Who has the key?| Ada has it.
        It burns!| Call Ben.
        Ask Ada B. Stone.| She is in.
        It lies on p. 55.| Read it.
        Were J. D. Hale and Co. there?
        We asked Rose and co.| They did not know.
        Sold to Hale & Co.| It closed in May.
        Did Prof. Hale leave?
        Dr. Roth, Mrs. Wu vs. Mr. Ode, e.g. in St. Ives.
        They live in the U.S.| How about her?
        The U.S. Army came.
        He came in the E.U. and stayed.
        At 5 a.m. Mr. Roth left.| He was home at 6 p.m.| The cat slept.
        The webinar begins at 2:00 p.m. ET on Monday, and opens at 9 a.m. Pacific time.| It is free.
        We opened the doors at 5 p.m. Friday.| They closed the doors at 6 p.m.| Ada locked them.
        We close at 5 p.m.| Monday is our day off.| It is quiet at 9 p.m.| Central heating is off.
        We are here from 9 a.m. to 5 p.m. Monday to Friday.| Come in.
        It`s late in the day.| We don`t know why.
        2.1. The rent is 840 euros.| It is due.
        Table 8.2. Numeric Types.| See Table 8.2.| It is long.
        Fig. 3. The bridge.| Section 1. All powers are in a Congress.
        Use `{# ... #}` for notes, or ``['a. `B`']``.| Then `stop.`| It is `so'.| We `go'.
        It cost $50.25 and 1,000.5 lb.| Ask again.
        "That is it," she said.| "Take it."
        He turned to her, "This is good." she held it out.
        He said 'no.'| Then he went.
        It is [...] old [...]" (Hale 55).
        Is it so?!| No.
        Wait!!| Now??| Go.
        1.) Open the lid| 2.) Close the lid
        1) Open the lid| 2) Close the lid
        1. Open the lid| 2. Close the lid
        1. Open the lid.| 2. Close the lid.
        • 9. Open the lid| • 10. Close the lid
        ⁃9. Open the lid| ⁃10. Close the lid
        a. Open the lid| b. Close the lid
        1. Go to step 2.| Then stop.
        It stands at No. 7.| No.| It is No. 8.
        You can find it at N°. 10.253.| There it is.
        She works at Zest! in the yard.
        It is a gem.| Ada found it.| We used GC-MS.| It is done.
        It is for you and I.| Did you see Ada I. Stone?
        See Fig. 3, Sec. 4 and approx. 7 et al. (2019).| Done.
        The thing is . . . I forgot it.
        It stops with a period . . . .| Next one.
        It ran… and stopped.| It ran…| Then it stopped.
        The version is 2.0.| Version 2.1 came in Sept. 2020.
        See me on Fri. 8 May or Tues. 9 June in Rm. 7.
        It took 1 hr. 5 min.| Then it stopped.
        Write to a.b@example.org or see example.org/a.html.| Thanks.
        The bell (it is old.) rings.| (It rings at six.)| So it is.
    """,
    "German": """
        Er kam am 3. Mai.| Sie ging am 29. Juli 2026.
        Das 1. Quartal und der 2. Band im 19. Jahrhundert.| Es endet.
        Krüge aus dem 1. -3. Jahrhundert und Gassen vom 12. – 14. Jahrhundert.| Es endet.
        Nach § 5 Abs. 2 Satz 1 Nr. 3 gilt es.
        Es gibt z. B. Türen, d. h. Tore, i. d. R. Holz.| Und Glas.
        Es hat z.B. Türen u. Ä. im Haus.
        Die Abt. Soziales, Ref. 4, Bd. 2 und Ziff. 3.| Sie ist offen.
        Prof. Dr. med. Grau wohnt in der Berliner Str. 5.
        Wir kaufen Brot, Milch usw.| Die Tür ist zu.
        Abbildung 2.1. Die Brücke.| Kapitel 4. Anfahrt
        Um 9 Uhr.| Danach ist Ruhe.
        Er wurde 5.| Danach ging er.
        Sie sagte: „Ich habe keine Zeit.“| Er ging.
        »Komm!«| Er kam.
        Es kostet 1.000.000 Euro.| Es war im Jahr 44 v. Chr. in Rom.
        Was sind die Folgen der Wahl vom 12. Juni?
        Ludwig XIV. starb 1715.
        Nach dem Gesetz (BGBl. I S. 3154), der Richtlinie (ABl. L 312) und BT-Drs. 19/1234 gilt es.| Az. IV ZR 12/20.
        Gem. Abschn. III wohnt er in der Ada-Grau-Str. 5.
        Er wohnt in der Ada-Grau-Str.| Dort ist es schön.
        Hr. Grau, Fr. Kurz und Fa. Berg zahlen 5 Tsd. Euro, nach Rn. 7.
        Es sind 5 Min. Fußweg oder 30 Std. Arbeit.
        Es dauert 5 Min.| Danach ist Ruhe.
        Am 01. Januar 2015 trat es in Kraft.
    """,
    "French": """
        Mme. Petit et M. Grand sont là.| Est-ce clair ?| Oui !
        Voir l'art. 5, le chap. 3 et la p. 12.| Fin.
        Il dit : « Bien. »| Puis il part.
        Le titre « Où est-il ? Ici. » est long.
        Il est né en 44 av. J.-C. à Rome.| Il est mort.
        Il coûte 3,5 euros.| Il pèse env. 5 kg.
        Qui paie…| Personne.
    """,
    "Spanish": """
        La Sra. Pérez y el Sr. López firman el 3 de mayo.| ¿Quién paga?| ¡Nadie!
        Está en la Avda. Norte núm. 7.| Abre a las 9.
        Vive en los EE. UU. con la Dra. Ruiz.| Es médica.
        Hace 33.8°F.| ¿Es mucho?
        El Lic. Soto leyó los párrs. 5 y 6 del art. 4.
        La cita es el Lun. 15 de Mar. de 2014.| Gracias.
        El documento N°. 1026.253 es suyo.
    """,
    "Turkish": """
        Zamanım az.| Sonra gelirim.
    """,
    "Russian": """
        Музей в г. Заречье на ул. Садовой.| Он открыт.
        Его открыли в 1911 г.| Сегодня им руководит А. Б. Иванова.
        Вход стоит 5 руб.| Дети платят 2 руб.
        Это т. е. цена, и т. д. и т. п. без скидки.
        В 2010-2012 гг. он жил в пгт. Речной, кв. 234.
        Проф. Семенов пришел?| Да!
        «Куда ты? – спросила она. – Уже поздно».
        Масса около 5 тыс. тонн, рис. 7, стр. 12.
    """,
    "Chinese": """
        桥在七点开。|他叫林先生！|贵吗？|不。
        我们去看《跑吧！孩子》好吗？|好！
        他说：「来吧！走吧。」|她来了。
        圆周率是3.14。|完。
    """,
    "Japanese": """
        橋は七時に開きます。|入れますか？|はい！
        「入れますか？」と聞きました。|はい。
        自民党は「すごい！本当だ。」と言った。|終わり。
    """,
    "Hindi": """
        पुल सात बजे खुलता है।| रखवाले का नाम डॉ. राम है।| क्या यह मुफ़्त है?| हाँ!
        टिकट 3.5 रुपये का है।| बस॥| अंत
    """,
    "Urdu": """
        پل سات بجے کھلتا ہے۔| کیا داخلہ مفت ہے؟| ہاں۔
    """,
    "Arabic": """
        يفتح الجسر في السابعة.| هل الدخول مجاني؟| نعم، للأطفال.| السعر 3.5 درهم.
    """,
    "Armenian": """
        Ի՞նչ ես մտածում։| Ոչինչ։
        Այսօր շաբաթ է:| Ես գնում եմ, ժամը 7:30 է:
    """,
    "Amharic": """
        ድልድዩ ይከፈታል።|ስንት ነው፧| አምስት።
    """,
    "Thai": """
        สะพานสร้างเมื่อ พ.ศ. 2500 ราคา 3.5 บาท
        หมู่บ้านตั้งอยู่ริมแม่น้ำสายใหญ่ทางเหนือ| ผู้ใหญ่บ้านชื่อสมชายและเป็นคนใจดี
    """,
}
CASES = [(language, line.strip()) for language, lines in RULES.items() for line in lines.strip().split("\n")]


@pytest.mark.parametrize(("language", "marked"), CASES)
def test_sentences_end_where_a_reader_of_the_language_ends_them(language, marked):
    text = marked.replace("|", "")
    assert "|".join(text[start:end] for start, end in sentence_spans(text, 0, len(text))) == marked


def test_a_block_of_code_is_one_sentence_unless_it_is_long():
    code = "```sh\nrun. Stop\n\n- x\n# y\n```"
    text = f"Use it:\n{code}\nThe key is blue."
    assert [text[a:b] for a, b in sentence_spans(text, 0, len(text))] == ["Use it:", "\n" + code, "\nThe key is blue."]
    long = "```\n" + "open --door. Close\n" * 100 + "```"
    pieces = [long[a:b] for a, b in sentence_spans(long, 0, len(long))]
    assert len(pieces) == 5 and all(piece.startswith("\nopen") for piece in pieces[1:])
    assert pieces[-1].endswith("\n```")

"""Function words of several languages: they carry the grammar of a sentence and are neither names nor counted."""

from disc_lite.qa.languages import FREQUENT

# Frequent words that can still be what a sentence states: how many, when, where, whether something is allowed.
TELLING = frozenset(
    """
    about after all any before both down each every few into less long many may might more most much must only off once
    out over should since some than through under until up while without between during can could
    alle ab bis dürfen darf immer jede jeder jedes kann können mehr muss müssen nach nie nur oft ohne seit soll sollen
    über unter viel viele vor weniger wenig zwischen
    après avant beaucoup chaque entre moins peu peut peuvent plus sans sous sur tous tout toute toutes très depuis
    antes bajo después desde hasta más menos mucho muchos muy poco puede pueden siempre sin sobre toda todas todo todos
    dopo meno molti molto ogni più poco prima può senza sopra sotto tutti tutto
    até depois desde mais menos muito muitos pode pouco sem sempre sob sobre toda todas todo todos
    alle kan kunnen meer minder moet na onder over tot veel voor zonder
    без все всё всего всех до если можно над надо от перед под после сам со только
    إذا أن إلى بعد بين حتى قبل كل من منذ عند
    """.split()
)
FUNCTION_WORDS = frozenset(
    "a an the of in on at to for and or nor but is are was were be been being by with from as it its this that "
    "these those what which who whom whose when where how why much many long do does did will would can could may "
    "might must should shall has have had not no yes so than then there their they them he she his her him we our "
    "you your i my me if into over under about up out after before during between while also only just each every "
    "any some all both per der die das ein eine einen einem einer des dem den und oder ist sind war waren wird "
    "werden im am zu zum zur von vom mit für auf aus bei nach als auch nicht kein keine wie viel viele was wer wen "
    "wem wann wo warum welche welcher welches hat haben muss kann darf soll man es er sie".split()
)
# Words that are not names, even with a capital.
ORDINARY = FUNCTION_WORDS.union(
    TELLING, *FREQUENT.values(),
    "unless although however within anyone anybody everyone everybody someone somebody nobody nothing another even "
    "hardly whatever whenever whoever nein oui".split(),
)  # fmt: skip
# Words that begin sentences before a name ("Visit Ardel"): their capital does not make them a part of the name.
OPENERS = frozenset(
    """
    according across add against along although among around ask assume beyond call choose click consider contact
    copy despite e-mail email enter every find follow given greet imagine inform inside install invite join later like
    meanwhile meet message near notify now open opposite outside per phone press read remember replace request run see
    select send set since such tell text thank then these throughout today tomorrow towards type under unlike upon use
    via visit whereas whether while within write yesterday dear
    actually additionally always annually approximately basically besides bring concerning currently depending except
    exactly finally generally here immediately instead keep make nearly never normally often ordinarily overall please
    put regarding roughly simply sometimes specifically take therefore thus typically usually
    gestern heute morgen laut nahe trotz seit siehe statt während wegen gemäß frage fragen ruf rufen besuchen liebe
    lieber neben
    appelez aujourd'hui contactez demandez demain depuis hier lorsque malgré pendant puis selon voir voyez
    actuellement environ généralement habituellement jamais normalement toujours
    ayer contacte durante hoy llame mañana mediante pregunte según tras vea
    actualmente alrededor aproximadamente generalmente normalmente nunca siempre
    chiamate chiedete contattate domani dopo ieri oggi presso secondo vedi attualmente circa sempre
    atualmente aproximadamente geralmente
    bel gisteren morgen sinds tijdens vandaag volgens vraag zie altijd meestal momenteel nooit ongeveer
    вчера завтра позвоните согласно сегодня спросите
    """.split()
)

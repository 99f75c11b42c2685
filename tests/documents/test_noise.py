"""Parts of pages that are named like banners and blurbs: those with a text of their own are read, requests are not."""

import pytest

from tests.documents.written import text

CONSENT = [
    """<section id="cookie-law"><h2>What the ePrivacy directive asks</h2><p>A site must name the purpose of each cookie
before it is set. See <a href="/gdpr">the regulation</a>.</p></section>""",
    """<div class="gdpr-notice"><h3>Notices under article 13</h3><p>The controller names the period for which data are
stored.</p><p>Without a period it names the criteria.</p></div>""",
    """<div id="informed-consent-law"><h2>Law of consent</h2><p>A minor of sixteen years may consent to surgery alone.</p></div>""",
]
SAID = [
    """<div class="newsletter"><h2>Letter of May</h2><p>We opened a second hall for 300 readers in the old mill.</p>
<p>Read on in <a href="/hall">the report</a>.</p></div>""",
    """<section class="newsletter"><h2>Archive</h2>"""
    + "<p>The hall of the mill was opened by the mayor on the third of May.</p>" * 6
    + """<p><a href="https://x.example/subscribe">Subscribe</a></p></section>""",
    """<div class="menu"><h2>Lunch</h2><p>The soup of the day costs four euros on Mondays. <a href="#soups">Soups</a></p></div>""",
]
OF_COOKIES = [
    """<div class="cookie-wrapper"><h2>Oat cookies</h2><p>Bake the oat cookies for twelve minutes at 180 degrees.</p></div>""",
    """<div id="module-newsletter" class="newsletter"><h2>newsletter</h2><table><tr><td>POST /subscribe</td>
<td>adds an address</td></tr></table><pre>newsletter.send()</pre></div>""",
    """<div class="gdpr"><h2>Your rights</h2><ul><li>to be informed of it</li><li>to object to the controller</li></ul></div>""",
    """<div class="subscription-box"><h2>Prices</h2><p>A box with three cheeses costs 30 euros a month.</p></div>""",
]
ASKED = [
    """<div class="cc-window"><span>This website uses cookies to give you the best of it.</span><a class="cc-btn">OK</a></div>""",
    """<div id="CybotCookiebotDialog"><h2>Cookies</h2><p>We use cookies to show you content and advertisements.</p></div>""",
    """<div class="js-cookie-notice"><h2>Cookies</h2><p>We use first-party cookies to give you the best of our site.</p>
<a href="/cookies">Learn more</a></div>""",
    """<div class="newsletter-signup"><h3>Newsletter</h3><p>Subscribe to it and never miss any news of the mill.</p>
<form><input type="email"></form></div>""",
    """<div class="subscribe_box"><h3>Letters</h3><p>Get new letters of the mill by mail every week.</p><a href="#">Go</a></div>""",
    """<div class="newsletter"><h3>Letters</h3><ul><li><a href="/rss">By RSS</a></li><li><a href="/mail">By mail</a></li></ul></div>""",
    """<div class="cookie-notice"><p>We use cookies to improve your experience on this site.</p>
<a class="btn btn-primary" href="/ok">Got it</a></div>""",
    """<div id="cookie-law"><p>This site sets cookies so that it can count its visitors.</p></div>""",
    """<div class="gdpr-message"><h4>Your privacy</h4><p>We and our partners store data on your device.</p>
<a href="#" role="button">Accept all</a></div>""",
    """<div class="cookie-consent"><h3>Cookies</h3><p>By browsing on you agree to our use of cookies.</p>
<a href="/privacy">More</a> <a>Allow all</a></div>""",
    """<div class="footer-newsletter"><h3>Stay in touch</h3><p>Get our best stories in your inbox every single week.</p>
<a href="https://letters.example.org/sign-up?from=page">Join</a></div>""",
    """<section class="newsletter"><p>Over 5,000 people read our letter about mills every week.</p>
<a class="cta-link" href="/letters">Get it</a></section>""",
    """<div class="newsletter"><p>Our letter has the news of the mill once a month. <a href="/letter">Subscribe now</a></p></div>""",
]


@pytest.mark.parametrize("part", [*CONSENT, *SAID, *OF_COOKIES])
def test_a_part_with_the_name_of_a_banner_is_read_where_it_says_something(part):
    made = text("a.html", f"<h1>Pump</h1><p>It is loud.</p>{part}")
    assert made.startswith("# Pump\n\nIt is loud.\n\n## ") or "\n\n### " in made
    assert made.count("<") == 0 and len(made) > 60


@pytest.mark.parametrize("part", ASKED)
def test_what_asks_for_consent_or_an_address_is_no_text_though_it_has_sentences(part):
    assert text("a.html", f"<h1>Pump</h1><p>It is loud.</p>{part}") == "# Pump\n\nIt is loud.\n"


def test_the_words_that_rustdoc_shows_to_be_pressed_are_no_text():
    page = """<h1>Trait Read</h1><details><summary class="hideme"><span>Expand description</span></summary><p>It reads.</p>
</details><h2>Methods</h2><section><span class="rightside"><span class="since">1.0.0</span> · <a class="src">Source</a></span>
<h3>fn read(self)</h3></section><p>It reads on.</p>"""
    assert text("a.html", page) == "# Trait Read\n\nIt reads.\n\n## Methods\n\n### fn read(self)\n\nIt reads on.\n"


def test_a_list_of_links_in_a_table_that_places_it_is_a_menu():
    links = "<ul><li><a href=a>Home</a><li><a href=b>Introduction</a><li><a href=c>Downloads</a></ul>"
    table = "<table><tr><td><table><tr><th>Menu</th></tr><tr><td>{}</td></tr></table></td><td><p>Text.</p></td></tr></table>"
    assert text("a.html", f"<h1>Bells</h1>{table.format(links)}") == "# Bells\n\nText.\n"
    for said in (f"{links}Each of them has a page of its own here.", links.replace("a href", "b id")):
        assert "Introduction" in text("a.html", f"<h1>Bells</h1>{table.format(said)}")
    assert "Downloads" in text("a.html", f"<h1>Bells</h1><table><tr><td>Pages</td><td>{links}</td></tr></table>")


def test_links_to_the_pages_before_and_after_are_left_out():
    page = "<h1>Mill</h1>{}<div class='next_page'><p>The next page of the book says how it is oiled.</p></div>"
    links = "<a class='previous_page' href='a'>back</a><a class='next-link' href='b'>on</a>"
    assert text("a.html", page.format(links)) == text("a.html", page.format(""))
    assert "how it is oiled" in text("a.html", page)

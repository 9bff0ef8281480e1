import pytest
from hibari.g2p import G2P

from dialogue_tts.errors import ScriptError
from dialogue_tts.text.lexicon import Lexicon
from dialogue_tts.text.normalize import align, normalize
from dialogue_tts.text.tidy import tidy


@pytest.fixture(scope="module")
def words() -> Lexicon:
    return Lexicon(G2P(oov=False))


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        # money
        ("It costs $5.", "It costs five dollars."),
        ("$5.99 or £1.01", "five dollars and ninety nine cents or one pound and one penny"),
        ("$0.50, $1,318.00", "fifty cents, one thousand three hundred eighteen dollars"),
        ("$1.5 million and €20k", "one point five million dollars and twenty thousand euros"),
        ("US$5, 5€, 5 GBP", "five U.S. dollars, five euros, five pounds"),
        ("$5–$10", "five to ten dollars"),
        # times and dates
        ("at 5:30 or 7:00 p.m. sharp", "at five thirty or seven P.M. sharp"),
        ("on 3/4/2024", "on March fourth, twenty twenty four"),
        ("July 4, 1776", "July fourth, seventeen seventy six"),
        ("open 24/7", "open twenty four seven"),
        # numbers
        (".5 of 1/2", "point five of one half"),
        ("2 1/2 cups, 2½ hours, ⅔", "two and a half cups, two and a half hours, two thirds"),
        ("version 2.0.1", "version two point zero point one"),
        (
            "10–15 people, 10-15%, 1.5–2.5",
            "ten to fifteen people, ten to fifteen percent, one point five to two point five",
        ),
        ("a 5:3 ratio, 3x faster, 5 x 4", "a five to three ratio, three times faster, five by four"),
        ("agent 007", "agent zero zero seven"),
        ("call 555-1234.", "call five five five, one two three four."),
        ("(555) 123-4567", "five five five, one two three, four five six seven"),
        # units
        ("74 cm, 5 km/h, 1 m", "seventy four centimeters, five kilometers per hour, one meter"),
        ("20°C and 3 GB", "twenty degrees Celsius and three gigabytes"),
        ("5 m², 2 km2", "five square meters, two square kilometers"),
        ("he is 5'10\"", "he is five feet ten inches"),
        ("700 g of sugar", "seven hundred grams of sugar"),
        # words
        ("Mr. Smith vs. Dr. Who", "Mr Smith versus Dr Who"),
        ("Baker St. near St. Paul", "Baker Street near Saint Paul"),
        ("fruit, e.g. figs, i.e. food", "fruit, for example figs, that is food"),
        ("Henry VIII, World War II", "Henry the eighth, World War two"),
        ("King Charles III met Mark Lewis, Part Indigo.", "King Charles the third met Mark Lewis, Part Indigo."),
        ("Prof Clark and Queen Victoria", "Professor Clark and Queen Victoria"),
        ("No. 5 on p. 12", "Number five on page twelve"),
        ("Oh, no. I ate a fig.", "Oh, no. I ate a fig."),
        ("in the Sun. Gen Z", "in the Sun. Gen-Z"),
        ("rock 'n' roll", "rock and roll"),
        # addresses
        ("write to a.bell@x.co.uk", "write to A. dot bell at X dot co dot U.K."),
        ("see https://example.org/a-b.", "see example dot org slash A. dash B."),
        # characters
        ("“Quotes,” she said—‘well’…", "\"Quotes,\" she said, 'well'..."),
        ("no - yes -- no", "no, yes, no"),
        ("I was going to—", "I was going to..."),
        ("really (truly), turn(s)", "really, truly, turns"),
        ("Wait...what?yes", "Wait... what? yes"),
        ("I ❤ you 😀!", "I you!"),
        ("≈5, ≥3, x⁵", "about five, at least three, x to the power of five"),
        ("π and Tiếng Việt", "pi and Tieng Viet"),
        ("２ ﬁgs", "two figs"),
        ("", ""),
        ("😀", ""),
    ],
)
def test_normalize(written: str, spoken: str, words: Lexicon) -> None:
    assert normalize(written, words) == spoken


@pytest.mark.parametrize("text", ["你好", "Say привет", "ελληνικά"])
def test_other_scripts_are_named(text: str, words: Lexicon) -> None:
    with pytest.raises(ScriptError, match="cannot be spoken"):
        normalize(text, words)


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("It costs $5 and that's all.", [("$5", "five dollars")]),
        (
            "$5 million and £3.50 and more",
            [("$5 million", "five million dollars"), ("£3.50", "three pounds and fifty pence")],
        ),
        ("Mr. Smith, Dr. Who", [("Mr.", "Mr"), ("Dr.", "Dr")]),
        ("at 7:00 p.m. sharp", [("7:00 p.m.", "seven P.M.")]),
        (
            "5 km/h, 20°C, 5:30",
            [("5 km/h,", "five kilometers per hour,"), ("20°C,", "twenty degrees Celsius,"), ("5:30", "five thirty")],
        ),
        ("and 2+2=4 and and", [("2+2=4", "two plus two equals four")]),
    ],
)
def test_written_words_stay_traceable(text: str, changed: list[tuple[str, str]], words: Lexicon) -> None:
    pairs = align(text, words)
    assert " ".join(written for written, _ in pairs) == tidy(text)
    assert " ".join(spoken for _, spoken in pairs) == normalize(text, words)
    assert [pair for pair in pairs if pair[0] != pair[1]] == changed

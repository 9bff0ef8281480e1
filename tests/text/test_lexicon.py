import gzip

import pytest

from dialogue_tts.text import lexicon
from dialogue_tts.text.cmudict import read_cmudict, to_misaki
from dialogue_tts.text.phonemes import TextFrontend
from dialogue_tts.text.pronunciations import read_pronunciations
from dialogue_tts.text.tokenizer import AMERICAN_VOWELS, CONSONANTS, STRESSES


@pytest.fixture(scope="module")
def frontend() -> TextFrontend:
    return TextFrontend()


@pytest.mark.parametrize(
    ("text", "phonemes"),
    [
        ("Leonard, Felix and Silas", "lˈɛnəɹd, fˈilɪks ænd sˈIləs"),
        ("Ingrid Okafor", "ˈɪŋɡɹɪd ˈOkəfɔɹ"),
        ("Krzysztof Hrubesh", "kʃˈɪʃtɔf hɹˈubɛʃ"),
        ("Zdenka or Ngozi", "zdˈɛŋkə ɔɹ ənɡˈOzi"),
        ("Siobhan, Saoirse, Niamh, Caoimhe", "ʃɪvˈɔn, sˈɪɹʃə, nˈiv, kˈivə"),
        ("Didcot, Chippenham, Loughborough", "dˈɪdkɑt, ʧˈɪpᵊnəm, lˈʌfbəɹə"),
        ("Featherstonehaugh", "fˈænʃɔ"),
        ("Nguyen, Xiao, Joaquin", "wˈɪn, ʃjˈW, wˌɑkˈin"),
        ("I should've, he would've", "ˌI ʃˈʊdəv, hi wˈʊdəv"),
        ("who'd've", "hˌudəv"),
        # endings
        ("Leonard's Felix's Zdenka's Wojciech's", "lˈɛnəɹdz fˈilɪksᵻz zdˈɛŋkəz vˈYʧɛks"),
        ("the Okafors' Silas' Okafors", "ði ˈOkəfɔɹz sˈIləs ˈOkəfɔɹz"),
        ("Okafor'll Zdenka'd Leonard’ve", "ˈOkəfɔɹəl zdˈɛŋkəd lˈɛnəɹdəv"),
        # parts
        ("Smith-Okafor", "smˌɪθˈOkəfɔɹ"),
        ("Jean-Luc's", "ʒˌɑnlˈuks"),
        ("O'Neill's", "Onˈilz"),
        # case and accents
        ("leonard LEONARD LEONARD'S", "lˈɛnəɹd lˈɛnəɹd lˈɛnəɹdz"),
        ("Siobhán SIOBHÁN Łódź Bjørn Müller", "ʃɪvˈɔn ʃɪvˈɔn wˈuʤ bjˈɔɹn mˈʊləɹ"),
        ("touché, résumé", "tuʃˈA, ɹˈɛzəmA"),
    ],
)
def test_names_are_known(frontend: TextFrontend, text: str, phonemes: str) -> None:
    spoken = frontend.speak(text)
    assert spoken.phonemes == phonemes
    assert not any(word.guessed for word in spoken.words)


@pytest.mark.parametrize(
    ("text", "phonemes"),
    [
        ("the BBC and NATO", "ðə bˌibˌisˈi ænd nˈATO"),
        ("XQPTK", "ˌɛkskjˌupˌitˌikˈA"),  # nobody's name: spelled
        ("I'll, it'd, where's, don't", "ˌIl, ˈɪTəd, wˌɛɹz, dˈOnt"),
        ("St. John, 10 High St.", "sˈAnt ʤˈɑn, tˈɛn hˈI stɹˈit."),
    ],
)
def test_what_hibari_knows_is_as_it_was(frontend: TextFrontend, text: str, phonemes: str) -> None:
    assert frontend.speak(text).phonemes == phonemes


def test_other_words_are_guesses(frontend: TextFrontend) -> None:
    spoken = frontend.speak("Zorblax and Smith-Zorblax met Leonard.")
    assert [word.guessed for word in spoken.words] == [True, False, True, False, False]


def test_a_given_pronunciation_wins(frontend: TextFrontend) -> None:
    spoken = frontend.speak("Leonard, [Leonard](/lˈAnɑɹd/)'s, Felix's", {"Leonard": "lˈAnɑɹt", "felix": "fˈAlɪks"})
    assert spoken.phonemes == "lˈAnɑɹt, lˈAnɑɹdz, fˈAlɪksᵻz"


def test_every_entry_can_be_spoken() -> None:
    sounds = {*AMERICAN_VOWELS, *CONSONANTS, *STRESSES}
    for text in (gzip.decompress(lexicon.CMUDICT.read_bytes()).decode("utf-8"), lexicon.NAMES.read_text("utf-8")):
        table = lexicon.read_table(text)
        assert {sound for phonemes in table.values() for sound in phonemes} <= sounds
        assert all(word and phonemes for word, phonemes in table.items())


def test_names_are_a_dictionary_as_users_write_them() -> None:
    """A word twice in the file, with other phonemes, is an error here."""
    assert dict(read_pronunciations(lexicon.NAMES)) == lexicon.read_table(lexicon.NAMES.read_text("utf-8"))


@pytest.mark.parametrize(
    ("arpabet", "phonemes"),
    [
        ("L EH1 N ER0 D", "lˈɛnəɹd"),
        ("F IY1 L IH0 K S", "fˈilɪks"),
        ("M AA1 R T IY0", "mˈɑɹTi"),
        ("B ER1 T AH0 N", "bˈɜɹtᵊn"),
        ("M EY1 B AH0 L", "mˈAbᵊl"),
        ("HH AA1 JH IH0 Z", "hˈɑʤᵻz"),
        ("S IY1 AY1 EY1", "sˌiˌIˈA"),
        ("CH OY1 AW2 ZH", "ʧˈYˌWʒ"),
    ],
)
def test_arpabet(arpabet: str, phonemes: str) -> None:
    assert to_misaki(arpabet) == phonemes


def test_entries_of_the_cmu_dictionary() -> None:
    lines = [
        "leonard L EH1 N ER0 D # name",
        "leonard(2) L IY1 N ER0 D",
        "leonard's L EH1 N ER0 D Z",
        "a. EY1",
        "o'shea OW0 SH EY1",
    ]
    assert read_cmudict(lines) == {"leonard": "L EH1 N ER0 D", "o'shea": "OW0 SH EY1"}

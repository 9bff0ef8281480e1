"""How written forms and words of two sounds are read, against two lists; and what an accent changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from dialogue_tts.errors import ScriptError
from dialogue_tts.text.accents import ACCENTS, nearest_american
from dialogue_tts.text.phonemes import TextFrontend
from dialogue_tts.text.tokenizer import LENGTH, phones_of

HERE = Path(__file__).resolve().parent
READINGS = [
    line.split("\t")
    for line in (HERE / "readings.tsv").read_text(encoding="utf-8").splitlines()
    if line and line[0] != "#"
]
NAMES = [
    line.split("\t")
    for line in (HERE / "names.tsv").read_text(encoding="utf-8").splitlines()
    if line and line[0] != "#"
]
HETERONYMS = [
    (head.split()[0], head.split()[1], sentence)
    for line in (HERE / "heteronyms.txt").read_text(encoding="utf-8").splitlines()
    if line and line[0] != "#"
    for head, _, sentences in [line.partition(": ")]
    for sentence in sentences.split(" | ")
]


@pytest.fixture(scope="module")
def frontend() -> TextFrontend:
    return TextFrontend()


@pytest.fixture(scope="module")
def american_networks() -> TextFrontend:
    return TextFrontend(["en-US"])


def phones(frontend: TextFrontend, text: str) -> list[str]:
    return phones_of(frontend.speak(text).phonemes)


def test_written_forms_are_read_as_people_read_them(frontend: TextFrontend) -> None:
    wrong = []
    for kind, written, wanted in READINGS:
        heard = phones(frontend, written)
        if heard not in [phones(frontend, words) for words in wanted.split("|")]:
            wrong.append(f"{kind}: {written!r} is read {''.join(heard)}, not {wanted!r}")
    assert len(READINGS) >= 300
    assert len(wrong) <= 0.02 * len(READINGS), "\n".join(wrong)


def test_names_are_read_as_newsreaders_say_them(frontend: TextFrontend) -> None:
    wrong = []
    for kind, name, wanted in NAMES:
        for text in (f"This is {name}.", f"{name}’s country"):
            heard = "".join(phones(frontend, text))
            if "".join(phones_of(wanted)) not in heard:
                wrong.append(f"{kind}: {text!r} is read {heard}, not {wanted}")
    assert len(NAMES) >= 150 and len({kind for kind, _, _ in NAMES}) >= 4
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Xi", "the Greek ξ"), ("Mané", "a mane"), ("Liège", "my liege"), ("Shinzo Abe", "Abe Lincoln"), ("Un", "unreal")],
)
def test_a_name_with_a_capital_or_an_accent_is_for_the_word_written_so(
    frontend: TextFrontend, one: str, other: str
) -> None:
    spoken = {text: frontend.speak(text).words for text in (one, other)}
    assert spoken[one][-1].phonemes not in {word.phonemes for word in spoken[other]}


def test_words_of_two_sounds_are_told_apart(frontend: TextFrontend) -> None:
    wrong = []
    for word, wanted, sentence in HETERONYMS:
        heard = ["".join(phones_of(w.phonemes)) for w in frontend.speak(sentence).words if w.text.lower() == word]
        if wanted not in heard:
            wrong.append(f"{word} in {sentence!r} is read {heard}, not {wanted}")
    assert len(HETERONYMS) >= 300 and len({word for word, _, _ in HETERONYMS}) >= 60
    assert len(wrong) <= 0.03 * len(HETERONYMS), "\n".join(wrong)


@pytest.mark.parametrize(
    ("word", "british"),
    [
        ("tomato", "təmˈɑːtQ"),
        ("schedule", "ʃˈɛdjuːl"),
        ("garage", "ɡˈaɹɑːʤ"),
        ("leisure", "lˈɛʒə"),
        ("privacy", "pɹˈɪvəsi"),
        ("vase", "vˈɑːz"),
        ("laboratory", "ləbˈɒɹətəɹi"),
        ("advertisement", "ədvˈɜːtɪsmᵊnt"),
        ("herb", "hˈɜːb"),
        ("tomato", "təmˈɑːtQ"),
        ("schedule", "ʃˈɛdjuːl"),
        ("garage", "ɡˈaɹɑːʤ"),
        ("leisure", "lˈɛʒə"),
        ("privacy", "pɹˈɪvəsi"),
        ("advertisement", "ədvˈɜːtɪsmᵊnt"),
        ("laboratory", "ləbˈɒɹətəɹi"),
        ("herb", "hˈɜːb"),
        ("missile", "mˈɪsIl"),
        ("banana", "bənˈɑːnə"),
        ("can't", "kˈɑːnt"),
        ("tune", "tjˈuːn"),
        ("vase", "vˈɑːz"),
        ("yogurt", "jˈɒɡət"),
        ("dynasty", "dˈɪnəsti"),
        ("lieutenant", "lɛftˈɛnənt"),
        ("aluminium", "ˌaljʊmˈɪnɪəm"),
        ("bath", "bˈɑːθ"),
        ("dance", "dˈɑːns"),
        ("lot", "lˈɒt"),
        ("hurry", "hˈʌɹi"),
        ("zebra", "zˈɛbɹə"),
        ("vitamin", "vˈɪtəmɪn"),
        ("mobile", "mˈQbIl"),
        ("clerk", "klˈɑːk"),
        ("car", "kˈɑː"),
        ("better", "bˈɛtə"),
        ("Okafor", "ˈQkəfɔː"),  # of our own table, by rule
    ],
)
def test_accents_differ(frontend: TextFrontend, word: str, british: str) -> None:
    assert frontend.speak(word, accent="en-GB").phonemes == british
    assert phones(frontend, word) != phones_of(british)


@pytest.mark.parametrize(
    ("written", "british", "american"),
    [
        ("105", "one hundred and five", "one hundred five"),
        ("1,250 cups", "one thousand two hundred and fifty cups", "one thousand two hundred fifty cups"),
        ("2,000,001", "two million and one", "two million one"),
        ("In 2005.", "In two thousand and five", "In two thousand five"),
        ("the 101st", "the one hundred and first", "the one hundred first"),
        ("July 4", "July the fourth", "July fourth"),
        ("3/4/2024", "the third of April twenty twenty four", "March fourth twenty twenty four"),
        ("on 3/4", "on the third of April", "on March fourth"),
        ("4/13/2024", "April the thirteenth twenty twenty four", "April thirteenth twenty twenty four"),
        ("two hundred five", "two hundred five", "two hundred five"),  # as it is written
    ],
)
def test_accents_say_numbers_and_dates_otherwise(
    frontend: TextFrontend, written: str, british: str, american: str
) -> None:
    for accent, said in (("en-GB", british), ("en-US", american)):
        assert " ".join(word.spoken for word in frontend.speak(written, accent=accent).words) == said


def test_the_last_letter_is_zed(frontend: TextFrontend) -> None:
    for text in ("Z", "XYZ", "from A to Z"):
        assert frontend.speak(text, accent="en-GB").phonemes.endswith("zˈɛd")
        assert frontend.speak(text).phonemes.endswith("zˈi")


def test_an_accent_keeps_to_its_sounds(frontend: TextFrontend) -> None:
    for _, written, _ in READINGS:
        for name, accent in ACCENTS.items():
            assert {
                c for c in frontend.speak(written, accent=name).phonemes if c.isalpha() or c == LENGTH
            } <= accent.sounds


def test_pronunciations_are_read_in_the_accent(frontend: TextFrontend) -> None:
    text = "Two [tomato](/təˈmɑːtəʊ/)es"
    assert frontend.speak("[Maria](/məˈriːə/)'s [bus](/bʌs/)'s", accent="en-GB").phonemes == "məˈɹiːəz bʌsɪz"
    with pytest.raises(ScriptError, match='"en-AU" is no accent; there are en-US, en-GB'):
        frontend.speak(text, accent="en-AU")


def test_british_sounds_have_nearest_american_ones(frontend: TextFrontend) -> None:
    american = ACCENTS["en-US"].sounds
    said = frontend.speak("The car is hot; go past the bird, hear the bear.", accent="en-GB").phonemes
    assert {c for c in nearest_american(said) if c.isalpha()} <= american
    assert nearest_american("təmˈɑːtQ") == "təmˈɑtO"


@pytest.mark.parametrize(
    ("british", "american"),
    [
        ("fˈɜːɹi", "fˈɜɹi"),
        ("vˈɛːɹi", "vˈɛɹi"),
        ("bˈɜːd", "bˈɜɹd"),
        ("bˈɛː", "bˈɛɹ"),
        ("lˈɒt", "lˈɑt"),
        ("bˈɑːθ", "bˈɑθ"),
    ],
)
def test_a_nearest_american_sound_has_one_r(british: str, american: str) -> None:
    assert nearest_american(british) == american


@pytest.mark.parametrize(
    ("word", "heard"),
    [
        ("tomato", "təmˈɑtO"),
        ("schedule", "ʃˈɛdjul"),
        ("garage", "ɡˈæɹɑʤ"),
        ("leisure", "lˈɛʒə"),
        ("privacy", "pɹˈɪvəsi"),
        ("lieutenant", "lɛftˈɛnənt"),
        ("clerk", "klˈɑk"),
        ("better", "bˈɛtə"),
    ],
)
def test_networks_of_american_sounds_say_british_words(
    frontend: TextFrontend, american_networks: TextFrontend, word: str, heard: str
) -> None:
    """A word's phonemes and the string hold the same, and what is read in American is as ever."""
    said = american_networks.speak(f"The {word}, her red {word}.", accent="en-GB")
    assert [w.phonemes for w in said.words if w.text == word] == [heard, heard]
    assert said.phonemes.count(heard) == 2
    assert phones_of(said.phonemes) == [phone for w in said.words for phone in phones_of(w.phonemes)]
    assert american_networks.speak(word) == frontend.speak(word) and phones(frontend, word) != phones_of(heard)


def test_words_of_several_parts_keep_their_sounds_in_the_string(american_networks: TextFrontend) -> None:
    said = american_networks.speak("Call 33 bears on 4/4, her royal No. 44.", accent="en-GB")
    assert phones_of(said.phonemes) == [phone for w in said.words for phone in phones_of(w.phonemes)]

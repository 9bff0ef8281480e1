import pytest

from dialogue_tts.errors import ScriptError
from dialogue_tts.script.turns import Turn
from dialogue_tts.text.accents import to_american
from dialogue_tts.text.phonemes import TextFrontend, _known_words
from dialogue_tts.text.tokenizer import ALPHABET
from dialogue_tts.text.words import Word


@pytest.fixture(scope="module")
def frontend() -> TextFrontend:
    return TextFrontend()


@pytest.mark.parametrize(
    ("text", "phonemes"),
    [  # as in the corpus
        ("You polished the silver at midnight, Mister Grubb?", "jˌu pˈɑlɪʃt ðə sˈɪlvəɹ æt mˈɪdnˌIt, mˈɪstəɹ ɡɹˈʌb?"),
        ("That's $68.20 with delivery.", "ðˈæts sˈɪksti ˈAt dˈɑləɹz ænd twˈɛnti sˈɛnts wɪð dəlˈɪvəɹi."),
        ("At 2:14 a.m., about 300 miles off.", "ˌæt tˈu fˌɔɹtˈin ˌAˈɛm, əbˈWt θɹˈi hˈʌndɹəd mˈIlz ˈɔf."),
        ("I... I had a torch.", "ˌI... ˌI hæd ɐ tˈɔɹʧ."),
        ("...Please?", "...plˈiz?"),
        ("The UK and the BBC", "ðə jˌukˈA ænd ðə bˌibˌisˈi"),
        # where the corpus has what its G2P got wrong
        ("Oh, no. I'm mortified.", "ˈO, nˈO. ˌIm mˈɔɹTəfˌId."),
        ("Shh, listen.", "ʃ, lˈɪsᵊn."),
        ("'Stop!' she said.", "stˈɑp! ʃi sˈɛd."),
        ("Hmph. Pfft!", "hˈʌmf. pf!"),
        ("Noooo, that was soooo GOOOOD!", "nˈO, ðæt wʌz sˌO ɡˈʊd!"),
        ("Aaaah, the freeee zzz.", "ˈɑ, ðə fɹˈi z."),
        ("AAA cells, Henry III.", "tɹˌɪpəlˈA sˈɛlz, hˈɛnɹi ðə θˈɜɹd."),
        # marks
        ("No!! Really?!", "nˈO! ɹˈiᵊli?"),
        ("Well — yes (or no), then,", "wˈɛl, jˈɛs, ɔɹ nˈO, ðˈɛn"),
        ("I was going to—", "ˌI wʌz ɡˈOɪŋ tu..."),
    ],
)
def test_phonemes(frontend: TextFrontend, text: str, phonemes: str) -> None:
    assert frontend.speak(text).phonemes == phonemes


TEXTS = [
    "Mr. O'Neil paid $5.99 at 7:30 p.m. on 3/4/2024, didn't he?",
    "Write to anna.b@example.com or https://x.org/a?b=1, or call (555) 123-4567!",
    "He's 5'10\" and 2½ cm; “quoted” — café, Łódź, Dvořák, naïve #1 fan & co.",
    "😀 Zorblax quibberish xqzptk… zzz! [pause 1s] [Kokoro](/kˈOkəɹO/)'s 20°C ± 3%.",
    "foo/bar and/or one_two *bold* 2+2=4, C++, AT&T, x86_64, 192.168.0.1, H2O",
]


@pytest.mark.parametrize("text", TEXTS)
def test_words_and_phonemes_agree(frontend: TextFrontend, text: str) -> None:
    spoken = frontend.speak(text)
    sounds = "".join(c for c in spoken.phonemes if c not in " .,?!;:")
    assert "".join(word.phonemes for word in spoken.words) == sounds
    assert set(spoken.phonemes) <= set(ALPHABET)
    assert "  " not in spoken.phonemes and spoken.phonemes.strip() == spoken.phonemes
    assert all(word.text and word.phonemes and " " not in word.phonemes for word in spoken.words)


def test_written_words_carry_their_phonemes(frontend: TextFrontend) -> None:
    spoken = frontend.speak('Mr. Grubb: "It\'s $5, at 7:00 p.m. or so."')
    assert spoken.words == (
        Word("Mr.", "mˈɪstəɹ", spoken="Mr"),
        Word("Grubb", "ɡɹˈʌb", spoken="Grubb"),
        Word("It's", "ˌɪts", spoken="It's"),
        Word("$5", "fˈIvdˈɑləɹz", spoken="five dollars"),
        Word("at", "æt", spoken="at"),
        Word("7:00 p.m.", "sˈɛvənpˌiˈɛm", spoken="seven P M"),
        Word("or", "ɔɹ", spoken="or"),
        Word("so", "sˌO", spoken="so"),
    )


def test_phone_numbers_pause_between_groups(frontend: TextFrontend) -> None:
    assert frontend.speak("555-1234 now").phonemes == "fˈIv fˈIv fˈIv, wˈʌn tˈu θɹˈi fˈɔɹ nˈW"


def test_pauses(frontend: TextFrontend) -> None:
    spoken = frontend.speak("[pause 2s] $5 more. [pause 0.5s] 😀 Then [pause 300ms] go.")
    assert spoken.pauses == ((0, 2.0), (2, 0.5), (3, 0.3))
    assert spoken.phonemes == "fˈIv dˈɑləɹz mˈɔɹ. ðˈɛn, ɡˌO."


def test_pronunciations(frontend: TextFrontend) -> None:
    inline = frontend.speak("The [Kokoro](/kˈOkəɹO/), Ada's [cat](/kæt/)'s.")
    assert inline.phonemes == "ðə kˈOkəɹO, ˈAdəz kæts."
    given = frontend.speak("The Kokoro, Ada's CAT's.", {"kokoro": "kˈOkəɹO", "cat": "kæt"})
    assert given.phonemes == inline.phonemes
    assert [word.text for word in given.words] == ["The", "Kokoro", "Ada's", "CAT's"]


def test_a_dictionary_is_made_ready_once(frontend: TextFrontend) -> None:
    before = _known_words.cache_info()
    for text in ("A kokoro.", "The kokoro!", "Kokoro?"):
        assert "kˈOkəɹO" in frontend.speak(text, {"kokoro": "kˈOkəɹO", "xyzzy": "kæt"}).phonemes
    after = _known_words.cache_info()
    assert (after.misses - before.misses, after.hits - before.hits) == (1, 2)


@pytest.mark.parametrize(
    ("ipa", "american"), [("təˈmeɪtoʊ", "təˈmAtO"), ("tʃɜːtʃ", "ʧɜɹʧ"), ("ˈlɒt", "ˈlɑt"), ("kˈOkəɹO", "kˈOkəɹO")]
)
def test_usual_ipa_is_understood(ipa: str, american: str) -> None:
    assert to_american(ipa) == american


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("😀 !", "nothing to say"),
        ("...", "nothing to say"),
        ("", "nothing to say"),
        ("I say 你好.", "你好"),
        ("[x](/ʘ/)", "ʘ"),
        ("[x](/ˈ/)", "no sound"),
        ("[laughs] hi", "sounds cannot be acted"),
        ("hi [pause 1s]", "nothing follows"),
    ],
)
def test_what_cannot_be_spoken_is_named(frontend: TextFrontend, text: str, says: str) -> None:
    with pytest.raises(ScriptError, match=f"^line 7: .*{says}"):
        frontend.speak_turn(Turn("Anna", text, line=7))

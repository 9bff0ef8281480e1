from pathlib import Path

import pytest

from dialogue_tts.errors import BundleError, ScriptError
from dialogue_tts.text.tokenizer import ALPHABET, PAUSE_MARKS, PHONE_IDS, PHONES, RESERVED, TextTokenizer, phones_of


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> TextTokenizer:
    return TextTokenizer.train(["həlˈO ðˈɛɹ.", "ẽ"], tmp_path_factory.mktemp("text") / "tokenizer.model")


def test_alphabet_is_covered_with_one_id_each(tokenizer: TextTokenizer) -> None:
    ids = [tokenizer.encode(c) for c in ALPHABET]
    assert all(len(i) == 1 for i in ids)
    assert len({i[0] for i in ids}) == len(ALPHABET)
    assert tokenizer.vocab_size == 4 + 17 + len(ALPHABET) + 1
    assert (tokenizer.pad_id, tokenizer.bos_id, tokenizer.eos_id) == (0, 2, 3)


@pytest.mark.parametrize(
    "text", ["", " ", "həlˈO  ðˈɛɹ. ", "[turn]ˌI... hˈI, nˈO![turn] ˈO?", "[r0]a[r15]", "ˈæ — bː; ẽ:…"]
)
def test_round_trip(tokenizer: TextTokenizer, text: str) -> None:
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert tokenizer.decode([tokenizer.bos_id, *ids, tokenizer.eos_id, tokenizer.pad_id]) == text


def test_tags_are_single_ids(tokenizer: TextTokenizer) -> None:
    assert tokenizer.encode("[turn]ab")[0] == tokenizer.turn_id
    assert len(tokenizer.encode("[turn]ab")) == 3
    assert len({tokenizer.encode(tag)[0] for tag in RESERVED}) == len(RESERVED) == 16


@pytest.mark.parametrize("text", ["你", "a▁b", "[turn", "A1"])
def test_unknown_characters_are_named(tokenizer: TextTokenizer, text: str) -> None:
    with pytest.raises(ScriptError, match="does not know"):
        tokenizer.encode(text)


def test_saved_and_loaded_it_is_the_same(tokenizer: TextTokenizer, tmp_path: Path) -> None:
    tokenizer.save(tmp_path / "t.model")
    again = TextTokenizer.load(tmp_path / "t.model")
    assert again.encode("[turn]həlˈO.") == tokenizer.encode("[turn]həlˈO.")


def test_ids_do_not_depend_on_the_training_text(tokenizer: TextTokenizer, tmp_path: Path) -> None:
    first = TextTokenizer.train(["aaaa"], tmp_path / "1.model")
    second = TextTokenizer.train(["zzzz", "ˈz"], tmp_path / "2.model")
    assert first.encode("".join(ALPHABET)) == second.encode("".join(ALPHABET))


def test_a_damaged_file_is_a_bundle_error(tmp_path: Path) -> None:
    (tmp_path / "bad.model").write_bytes(b"nonsense")
    for name in ("bad.model", "missing.model"):
        with pytest.raises(BundleError, match=name):
            TextTokenizer.load(tmp_path / name)


def test_phones() -> None:
    assert len(set(PHONES)) == len(PHONES)
    assert PHONE_IDS[PHONES[0]] == 1 and 0 not in PHONE_IDS.values()
    assert not set(PHONES) & set(PAUSE_MARKS)
    assert phones_of("həlˈO, ðˌɛːɹ!") == ["h", "ə", "l", "O", "ð", "ɛ", "ɹ"]


def test_phones_cover_the_g2p_lexicons() -> None:
    """Whatever the lexicons hold is a phone, a stress or a length mark; the G2P writes T for ɾ and t for ʔ."""
    from hibari.g2p import G2P

    for british in (False, True):
        lexicon = G2P(british=british).lexicon
        entries = [*lexicon.golds.d.values(), *lexicon.silvers.d.values()]
        found: set[str] = set()
        for entry in entries:
            for phonemes in entry.values() if isinstance(entry, dict) else [entry]:
                found |= set(phonemes or "")
        assert found - set(ALPHABET) <= {"ɾ", "ʔ"}

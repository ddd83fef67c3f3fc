from __future__ import annotations

import re
import sys
import unicodedata

import pytest

from unlabeled.data import Corpus, Documents, tokenize
from unlabeled.data.text.tokenization import segmenters
from unlabeled.data.text.tokenization.tokenizers import BREAK, JOINER, LETTER, NUL, SEPARATOR, kinds_of_characters
from unlabeled.errors import UnlabeledError


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The quick, brown FOX.", "the quick brown fox"),
        ("don't 'quote' rock'n'roll dogs' o''o", "don't quote rock'n'roll dogs o o"),
        ("l’été", "l’été"),
        ("e-mail snake_case 3.14 U.S.", "e mail snake_case 3 14 u s"),
        ("हिन्दी किताब", "हिन्दी किताब"),  # vowel signs are marks, which \w would cut at
        ("కెట్ కట్టు كِتَابٌ", "కెట్ కట్టు كِتَابٌ"),
        ("e\u0301te\u0301 Vie\u0323\u0302t", "été việt"),  # one spelling for each: Unicode's form NFC
        ("co\u00adop\u00ader\u00adate \ufeffa\u200fb", "cooperate ab"),
        ("a \u0301 \u200d \u200c _ ___ _' b", "a b"),  # marks, joiners and underscores alone are no words
        ("\u200cمی\u200cخواهم\u200c x\u200d അവന്\u200d", "می\u200cخواهم x അവന്\u200d"),
        ("I ❤️ this☕️!", "i ❤️ this ☕️"),
        ("👍🏽👨\u200d👩\u200d👧 🇫🇷🇩🇪 ❤️\u200d🔥 1️⃣ ▶️", "👍🏽 👨\u200d👩\u200d👧 🇫🇷 🇩🇪 ❤️\u200d🔥 1️⃣ ▶️"),
        ("don't😀'tis ▶ ™ × → • ❝", "don't 😀 tis"),  # signs and ornaments that are no pictures
        ("我喜欢你 iPhone手机 好", "我喜 喜欢 欢你 iphone 手机 好"),
        ("ฉันรัก", "ฉัน นรั รัก"),  # marks stay with their letter
        ("한국어 문서", "한국어 문서"),
        ("می\u200cخواهم", "می\u200cخواهم"),  # Persian: a zero-width non-joiner within a word
        ("ΟΔΟΣ Σ", "οδος σ"),  # a final sigma, decided word by word
        ("", ""),
    ],
)
def test_words(text: str, words: str) -> None:
    assert tokenize(text) == words.split(" ") if words else tokenize(text) == []


def test_whitespace_is_that_of_python() -> None:
    every = "x".join(chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000)
    assert tokenize(every, "whitespace") == every.split()


def test_the_table_agrees_with_the_database_of_unicode() -> None:
    kinds = kinds_of_characters("words")
    for code in range(sys.maxunicode + 1):
        category = unicodedata.category(chr(code))
        letter = category[0] in "LMN" or category == "Pc" or code in (0x200C, 0x200D)
        if category == "So" or (category in ("Cf", "Cn", "Po", "Sm", "Sk", "Pd") and code not in (0, ord("'"))):
            continue  # pictures and invisible characters, of which the tests above give some
        special = {0: NUL, ord("\n"): BREAK, ord("'"): JOINER, 0x2019: JOINER}
        assert kinds[code] == special.get(code, LETTER if letter else SEPARATOR)


def test_every_letter_and_digit_is_a_word() -> None:
    every = " ".join(chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000)
    wanted = {unicodedata.normalize("NFC", word.lower()) for word in re.findall(r"[^\W_]", every)}
    assert wanted <= set(tokenize(every))


@pytest.mark.parametrize("text", ["नमस्ते दुनिया", "Việt Nam", "كِتَابٌ", "don't 👍🏽 x", "été"])
def test_composed_and_decomposed_text_gives_the_same_words_in_every_way_in(text: str) -> None:
    for form in ("NFC", "NFD"):
        spelled = unicodedata.normalize(form, text)
        words = tokenize(spelled)
        assert words == tokenize(text)
        assert [word for sentence in Corpus.encode([spelled]) for word in sentence] == words
        assert set(Documents.count([spelled], stop_words=None).words) == {word for word in words if word != "x"}


@pytest.mark.parametrize(
    ("tokenizer", "text", "words"),
    [
        ("jieba", "我喜欢机器学习 ABC ฉัน", "我 喜欢 机器 学习 abc ฉัน"),
        ("fugashi", "私は機械学習が好きです。コンピュータ", "私 は 機械 学習 が 好き です コンピュータ"),
        ("pythainlp", "ฉันรักแมวมาก 你好", "ฉัน รัก แมว มาก 你好"),
    ],
)
def test_a_segmenter_cuts_its_own_script(tokenizer: str, text: str, words: str) -> None:
    pytest.importorskip(tokenizer)
    assert tokenize(text, tokenizer) == words.split()
    assert list(Corpus.encode([text], tokenizer=tokenizer)) == [words.split()]


def test_a_segmenter_that_is_not_installed_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jieba", None)
    segmenters.segmenter.cache_clear()
    with pytest.raises(UnlabeledError, match=r"pip install 'unlabeled\[chinese\]'"):
        Corpus.encode(["我"], tokenizer="jieba")


def test_a_callable_is_called() -> None:
    assert tokenize("a,b", lambda text: text.split(",")) == ["a", "b"]

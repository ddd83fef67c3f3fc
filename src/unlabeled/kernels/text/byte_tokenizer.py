"""The compiled tokenizer: from the bytes of a text to numbers of words, without making a string of any.

A block of text is read in two passes. `cut` finds where words begin and end and hashes them; `number` looks them up.
Kept apart, the look-ups depend on nothing but the table, and the processor overlaps their waits for memory.

The table is one of open addressing with linear probing. A slot of 64 bits holds a word's 32-bit hash and its number
plus one, zero meaning empty. The entry of a word, a quarter or half of a cache line, holds where its spelling is in a
pool of bytes, its length, its count, and its head, which is its first eight bytes in one number: most words are no
longer, so that the pool is seldom touched.

Only A–Z are lower-cased here. Words with other letters are lower-cased by Python once the text has been read, when
there is one of each.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unlabeled.kernels.compiled import compiled, inlined
from unlabeled.kernels.text.character_kinds import BREAK, JOINER, LETTER, NUL, SEPARATOR

UNFINISHED, INVALID = NUL + 1, NUL + 2  # further kinds of characters: cut off by the end of the block, and no UTF-8

LENGTH, LINES, PROBLEM = range(3)  # places in `state`
BEGIN, SIZE, COUNT, HEAD = range(4)  # columns of `entries`

REPLACEMENT = 0xFFFD  # the character that stands for bytes that are none

GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2⁶⁴ divided by the golden ratio, odd: multiplying by it spreads the bits
HALF = np.uint64(32)
BYTE = np.uint64(8)
LOWER_HALF = np.uint64(0xFFFFFFFF)

Bytes = NDArray[np.uint8]
Integers = NDArray[np.int64]
Slots = NDArray[np.uint64]
Cuts = NDArray[np.int32]
Kind = tuple[int | np.int64, int | np.int64]  # a kind of character, and its number of bytes


@compiled
def lower(text: Bytes) -> None:  # pragma: no cover - compiled
    """Put a–z for A–Z, in place."""
    for i in range(len(text)):
        capital = np.uint8(text[i] - np.uint8(65)) < np.uint8(26)
        text[i] += np.uint8(32) * np.uint8(capital)


@compiled
def kind_beyond_ascii(
    text: Bytes, place: int, final: bool, replace: bool, kinds: Bytes
) -> Kind:  # pragma: no cover - compiled
    """Give the kind of a character of several bytes, and how many.

    Refused as UTF-8 is what the Unicode standard calls ill-formed (its table 3-7): overlong forms, surrogates, code
    points above 10FFFF, continuation bytes without a start.
    """
    lead = np.int64(text[place])
    wrong = (np.int64(kinds[REPLACEMENT]) if replace else INVALID), 1
    if lead < 0xC2 or lead > 0xF4:
        return wrong
    more = 1 + (lead >= 0xE0) + (lead >= 0xF0)
    code = lead & (0x3F >> more)
    least = 0xA0 if lead == 0xE0 else 0x90 if lead == 0xF0 else 0x80
    most = 0x9F if lead == 0xED else 0x8F if lead == 0xF4 else 0xBF
    for i in range(place + 1, place + 1 + more):
        if i >= len(text):
            return wrong if final else (UNFINISHED, 0)
        byte = np.int64(text[i])
        if byte < least or byte > most:
            return wrong
        code = (code << 6) | (byte & 0x3F)
        least, most = 0x80, 0xBF
    return np.int64(kinds[code]), more + 1


@inlined
def kind_at(text: Bytes, place: int, final: bool, replace: bool, kinds: Bytes) -> Kind:  # pragma: no cover - compiled
    """Give the kind of the character at `place` and its number of bytes."""
    if place >= len(text):
        return (SEPARATOR if final else UNFINISHED), 0
    if text[place] < 0x80:
        return np.int64(kinds[text[place]]), 1
    kind: Kind = kind_beyond_ascii(text, place, final, replace, kinds)
    return kind


@compiled
def cut(
    text: Bytes,
    final: bool,
    replace: bool,
    longest: int,
    kinds: Bytes,
    begins: Cuts,
    sizes: Cuts,
    tags: NDArray[np.uint32],
    heads: Slots,
    ends: Integers,
    state: Integers,
) -> tuple[int, int, int]:  # pragma: no cover - compiled
    """Find the words and sentences of one block of text.

    Parameters
    ----------
    text : ndarray of uint8, shape (n,)
        UTF-8.
    final : bool
        Whether the text ends here. If not, a word or character that touches the end is left for the next block.
    replace : bool
        Whether bytes that are not UTF-8 count as the replacement character; else they are a problem.
    longest : int
        Number of words after which a sentence is cut.
    kinds : ndarray of uint8, shape (1114112,)
        What each code point is.
    begins, sizes, tags, heads : ndarray of int32, int32, uint32, uint64, shape at least (n // 2 + 1,)
        Receive for each word where it begins, its bytes, its hash, and its first eight bytes as one number.
    ends : ndarray of int64, shape at least (n // 2 + 1,)
        Receives, for each sentence that ends in this block, the number of this block's words before its end.
    state : ndarray of int64, shape (3,)
        The words of the sentence that is open, the lines that ended, and the problem: a kind of character that no text
        has. Changed in place.

    Returns
    -------
    read, words, sentences : int
        How many bytes were read, and how many words and ends of sentences were found.
    """
    plain = np.empty(256, np.bool_)  # the letters of ASCII, which are nearly everything in many languages
    for byte in range(256):
        plain[byte] = byte < 0x80 and kinds[byte] == LETTER
    size = len(text)
    place = 0
    words = 0
    sentences = 0
    while True:
        found, step = kind_at(text, place, final, replace, kinds)
        if found == LETTER:
            first = place
            hashed = np.uint64(0)
            head = np.uint64(0)
            chunk = np.uint64(0)
            while found == LETTER:
                stop = place + step
                while place < stop or (place < size and plain[text[place]]):
                    if (place - first) & 7 == 0:
                        hashed = (hashed ^ chunk) * GOLDEN
                        hashed ^= hashed >> HALF
                        if place == first + 8:
                            head = chunk
                        chunk = np.uint64(0)
                    chunk = (chunk << BYTE) | np.uint64(text[place])
                    place += 1
                found, step = kind_at(text, place, final, replace, kinds)
                if found == JOINER:  # it belongs to the word if a letter follows
                    following, _ = kind_at(text, place + step, final, replace, kinds)
                    if following in (LETTER, UNFINISHED):
                        found = following
            if found == UNFINISHED:
                place = first
                break
            hashed = (hashed ^ chunk) * GOLDEN
            hashed ^= hashed >> HALF
            begins[words] = first
            sizes[words] = place - first
            tags[words] = np.uint32((hashed * GOLDEN) >> HALF)
            heads[words] = head if place - first > 8 else chunk
            words += 1
            state[LENGTH] += 1
            if state[LENGTH] == longest:
                ends[sentences] = words
                sentences += 1
                state[LENGTH] = 0
        if found == BREAK:
            state[LINES] += 1
            if state[LENGTH] > 0:
                ends[sentences] = words
                sentences += 1
                state[LENGTH] = 0
        elif found in (NUL, INVALID):
            state[PROBLEM] = found
            break
        elif found == UNFINISHED or place >= len(text):
            break
        place += step
    return place, words, sentences


@compiled
def number(
    text: Bytes,
    begins: Cuts,
    sizes: Cuts,
    tags: NDArray[np.uint32],
    heads: Slots,
    slots: Slots,
    pool: Bytes,
    entries: Integers,
    known: int,
    used: int,
    ids: NDArray[np.int32],
) -> tuple[int, int]:  # pragma: no cover - compiled
    """Look up the words that `cut` found, and take in those not seen before.

    Parameters
    ----------
    text, begins, sizes, tags, heads
        As given to and by `cut`; n words.
    slots, pool, entries
        The table; word w is ``pool[entries[w, BEGIN]:]``, as long as ``entries[w, SIZE]``, and was seen
        ``entries[w, COUNT]`` times. The caller makes room for n new words, and for the whole text in the pool; the
        number of slots is a power of two and stays above that of words.
    known, used : int
        The number of words in the table, and of bytes used in the pool.
    ids : ndarray of int32, shape (n,)
        Receives the number of each word.

    Returns
    -------
    known, used : int
        The same afterwards.
    """
    mask = np.uint32(len(slots) - 1)
    for w in range(len(begins)):
        tag, begin, size, head = tags[w], begins[w], sizes[w], np.int64(heads[w])
        slot = tag & mask
        while True:
            content = slots[slot]
            if content == 0:
                word = np.int64(known)
                known += 1
                slots[slot] = (np.uint64(tag) << HALF) | np.uint64(known)
                for i in range(size):
                    pool[used + i] = text[begin + i]
                entries[word, BEGIN], entries[word, SIZE], entries[word, HEAD] = used, size, head
                entries[word, COUNT] = 0
                used += size
                break
            if np.uint32(content >> HALF) == tag:
                word = np.int64(content & LOWER_HALF) - 1
                if entries[word, SIZE] == size and entries[word, HEAD] == head:
                    same = True
                    for i in range(8, size):
                        if pool[entries[word, BEGIN] + i] != text[begin + i]:
                            same = False
                            break
                    if same:
                        break
            slot = (slot + np.uint32(1)) & mask
        entries[word, COUNT] += 1
        ids[w] = word
    return known, used


@compiled
def rehash(slots: Slots, larger: Slots) -> None:  # pragma: no cover - compiled
    """Move the entries of a table into a larger, empty one."""
    mask = np.uint64(len(larger) - 1)
    for content in slots:
        if content != 0:
            slot = (content >> HALF) & mask
            while larger[slot] != 0:
                slot = (slot + np.uint64(1)) & mask
            larger[slot] = content

"""Words that a format made of words and white space can hold."""

from __future__ import annotations

import re
from collections.abc import Sequence

from unlabeled.errors import UnlabeledError

WHITE_SPACE = re.compile(r"[ \t\n\v\f\r]")


def check_plain(words: Sequence[str]) -> None:
    """Refuse words with white space in them: they would not be read back as they were.

    Raises
    ------
    UnlabeledError
        If there is one; the message names it.
    """
    if not WHITE_SPACE.search("".join(words)):
        return
    row, word = next((row, word) for row, word in enumerate(words) if WHITE_SPACE.search(word))
    raise UnlabeledError(
        f"the word {word!r} (row {row}) holds white space, and this format separates words by white space; "
        "save as .safetensors, or leave the word out by subset()"
    )

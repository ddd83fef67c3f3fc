from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unlabeled.data import spool
from unlabeled.data.spool import Spool


@settings(deadline=None)
@given(
    lengths=st.lists(st.integers(0, 40)), in_memory=st.sampled_from([0, 100, 10_000]), buffer=st.sampled_from([0, 99])
)
def test_pieces_come_out_as_one_array(lengths: list[int], in_memory: int, buffer: int) -> None:
    pieces = [np.arange(length, dtype=np.int64) * 7 for length in lengths]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spool, "IN_MEMORY", in_memory)
        patch.setattr(spool, "_BUFFER", buffer)
        whole = Spool(np.int32)
        for piece in pieces:
            whole.append(piece)
            piece[:] = -1  # it was copied
        assert len(whole) == sum(lengths)
        array = whole.finish()
    assert array.dtype == np.int32
    assert array.tolist() == [7 * i for length in lengths for i in range(length)]
    array[:1] = 3
    assert type(array) is np.ndarray

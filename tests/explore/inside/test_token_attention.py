import pytest
import torch
from transformers import AutoModel

from unlabeled.data.text.tokenization.subword_tokenizer import SubwordTokenizer
from unlabeled.data.text.tokenization.tokens import padded
from unlabeled.encoders import make_encoder
from unlabeled.encoders.checkpoint import write_encoder
from unlabeled.encoders.text.transformer import Transformer
from unlabeled.errors import UnlabeledError
from unlabeled.explore.inside import token_attention
from unlabeled.modalities.text import TextPreprocessing

TOKENIZER = SubwordTokenizer.train(["the dog barks at the cat", "it rains"], size=60)
READ = TextPreprocessing(TOKENIZER, 16)
VALUES = padded(
    [TOKENIZER.with_special_tokens(row, 16) for row in TOKENIZER.encode(["the dog barks", "it rains at the cat"])], 0
)


@pytest.mark.parametrize(("positions", "causal"), [("learned", False), ("rotary", True)])
def test_it_is_what_transformers_gives(positions, causal, tmp_path):
    torch.manual_seed(0)
    encoder = Transformer(READ, dim=16, layers=2, heads=2, positions=positions, causal=causal).eval()
    for layer in encoder.parameters():
        layer.data.mul_(8)  # so that attention is far from even
    write_encoder(encoder, tmp_path, {})
    peer = AutoModel.from_pretrained(tmp_path, attn_implementation="eager").eval()
    with torch.no_grad():
        theirs = peer(input_ids=VALUES.ids, attention_mask=VALUES.mask.long(), output_attentions=True).attentions
    ours = token_attention(encoder, VALUES)
    rows = VALUES.mask[:, None, None, :, None].expand(ours.shape)  # what padding attends to is nobody's business
    torch.testing.assert_close(ours[rows], torch.stack(list(theirs), 1)[rows], atol=1e-5, rtol=1e-4)
    assert ours.amax() > 2 / VALUES.ids.shape[1]
    assert ours[..., ~VALUES.mask[0]][0][:, :, VALUES.mask[0]].abs().max() == 0


def test_an_lstm_has_none():
    with pytest.raises(UnlabeledError, match="'lstm' has no attention"):
        token_attention(make_encoder("lstm", READ), VALUES)

"""Parts of judging a run: which labels judge, how well the halves of pairs find each other, and scored pairs."""

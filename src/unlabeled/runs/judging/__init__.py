"""Parts of judging a run: which labels judge, and how well the halves of pairs find each other."""

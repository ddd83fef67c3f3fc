"""Non-contrastive methods: two views agree, and something other than negatives prevents collapse."""

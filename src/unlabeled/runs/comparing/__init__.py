"""What a comparison is made of: who takes part, and how each went while it learnt."""

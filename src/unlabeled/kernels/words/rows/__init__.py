"""Operations on rows of a matrix of word vectors."""

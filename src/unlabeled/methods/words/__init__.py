"""Word methods: a word is known by the company it keeps."""

"""Text comes in: cut into words and numbered or counted, or cut into sub-words and handed out as padded batches."""

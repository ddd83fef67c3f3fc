"""Tables: reading, the kinds of their columns, and their encoding as numbers."""

"""Maps: vectors laid out in the plane so that neighbours stay neighbours."""

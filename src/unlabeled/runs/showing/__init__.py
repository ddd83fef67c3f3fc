"""What a run shows: pictures, pages, features, paths, tracks."""

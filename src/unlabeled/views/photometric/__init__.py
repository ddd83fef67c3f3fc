"""Views that change colours and sharpness."""

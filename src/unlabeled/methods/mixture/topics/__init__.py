"""What the topic models share."""

"""The methods, one a file, in folders by their principle. A file added here is found without being listed."""

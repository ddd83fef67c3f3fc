"""What the layers of several encoders are made of."""

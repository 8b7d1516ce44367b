"""What several encoders are made of: image trunks, text towers, tokenizers, projections."""

"""Built-in protocols: recipes as data."""

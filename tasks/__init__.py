"""Built-in task plugins: a card and one adapter module a data set."""

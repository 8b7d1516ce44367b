"""A plugin for the tests of the runners that read texts."""

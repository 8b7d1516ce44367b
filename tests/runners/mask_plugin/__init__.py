"""A plugin for the tests of segmentation."""

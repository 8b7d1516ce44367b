"""Radiology reports as text: files of references and predictions, structured reports, a page."""

"""Figures of records and stored predictions, as papers print them."""

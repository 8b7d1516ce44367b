"""Texts as inputs, mask and labels."""

from __future__ import annotations

from cxrbench.generation.teacher import teacher_forced

PAD, SEP = 1, 2


def test_labels_are_the_next_tokens_and_padding_does_not_count():
    forced = teacher_forced([[0, 5, 6, 9], [0, 7, 9]], PAD)
    assert forced.inputs.tolist() == [[0, 5, 6], [0, 7, 9]]
    assert forced.mask.tolist() == [[True, True, True], [True, True, True]]
    assert forced.labels.tolist() == [[5, 6, 9], [7, 9, -100]]


def test_a_hidden_token_is_not_seen_but_has_to_be_predicted():
    forced = teacher_forced([[0, SEP, 6, 9], [0, 9]], PAD, hidden=[SEP])
    assert forced.inputs.tolist() == [[0, PAD, 6], [0, 9, PAD]]
    assert forced.mask.tolist() == [[True, True, True], [True, True, False]]
    assert forced.labels.tolist() == [[SEP, 6, 9], [9, -100, -100]]


def test_a_text_may_hold_the_padding_token_itself():
    forced = teacher_forced([[0, PAD, 9], [0, 9]], PAD)
    assert forced.labels.tolist() == [[PAD, 9], [9, -100]]
    assert forced.mask.tolist() == [[True, True], [True, True]]

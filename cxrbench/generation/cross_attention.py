"""A report generator whose decoder attends to what the encoder says about the image."""

from __future__ import annotations

from torch import Tensor, nn

from cxrbench.generation.decoder import DecoderSettings, build_decoder
from cxrbench.generation.modes import checkpoint_gradients
from cxrbench.generation.steps import DecodingSteps
from cxrbench.generation.teacher import TeacherForced
from cxrbench.generation.text_decoder import TextDecoder
from cxrbench.generation.tokenizer import Tokens


class CrossAttentionGenerator(TextDecoder):
    """GPT-2 with cross-attention over a memory; no prompt and no prefix.

    Args:
        settings: Of the decoder.
        memory_dim: D of the memory; projected to the decoder's width where that differs.
        tokenizer: None for a generator that is counted or given ids only.
        checkpointing: Compute the layers again for the gradients instead of keeping what they
            computed: the same numbers with less memory and more time.

    Attributes:
        projection: From the memory to the decoder.
        decoder: Of transformers; see `build_decoder`.

    Raises:
        BadRequest: When the tokenizer has more tokens than the decoder.
    """

    def __init__(
        self,
        settings: DecoderSettings,
        memory_dim: int,
        tokenizer: Tokens | None = None,
        *,
        checkpointing: bool = False,
    ) -> None:
        super().__init__(settings.vocab_size, settings.positions, tokenizer)
        self.settings = settings
        same = memory_dim == settings.dim
        self.projection: nn.Module = nn.Identity() if same else nn.Linear(memory_dim, settings.dim)
        self.decoder = build_decoder(settings)
        if checkpointing:
            checkpoint_gradients(self.decoder)

    def _hidden(self, memory: Tensor, texts: TeacherForced) -> Tensor:
        out: Tensor = self.decoder.transformer(
            input_ids=texts.inputs,
            attention_mask=texts.mask.long(),
            encoder_hidden_states=self.projection(memory),
            use_cache=False,
        ).last_hidden_state
        return out

    def _output(self, hidden: Tensor) -> Tensor:
        out: Tensor = self.decoder.lm_head(hidden)
        return out

    def _steps(self, memory: Tensor, beams: int) -> DecodingSteps:
        return DecodingSteps(self.decoder, self.projection(memory), beams)

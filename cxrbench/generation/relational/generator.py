"""R2Gen as a report generator over any encoder."""

from __future__ import annotations

from torch import Tensor, nn

from cxrbench.generation.relational.settings import RelationalSettings
from cxrbench.generation.relational.steps import RelationalSteps
from cxrbench.generation.relational.transformer import RelationalTransformer
from cxrbench.generation.teacher import TeacherForced
from cxrbench.generation.text_decoder import TextDecoder
from cxrbench.generation.tokenizer import Tokens


class RelationalGenerator(TextDecoder):
    """R2Gen's transformer over a memory; usually over the words of a `WordTokenizer`.

    Its results on IU X-Ray are of texts of at most 60 tokens, in training the start and end token
    counted (`max_tokens=60`), in writing not (`max_length=61`), with 3 beams and no length penalty
    (`length_penalty=0`). The released code reads its setting to block trigrams where one beam is
    asked for, and lowers their likelihood then; a search with several beams ignores it, so that
    published results are without.

    Args:
        settings: Sizes.
        memory_dim: D of the memory; projected to the transformer's width, as released with a ReLU
            and dropout.
        tokenizer: None for a generator that is counted or given ids only.
        checkpointing: Compute the decoder's layers again for the gradients instead of keeping what
            they computed: the same numbers with less memory and more time.

    Attributes:
        projection: From the memory to the transformer.
        network: Encoder, relational memory and decoder.

    Raises:
        BadRequest: When the tokenizer has more tokens than the decoder.
    """

    def __init__(
        self,
        settings: RelationalSettings,
        memory_dim: int,
        tokenizer: Tokens | None = None,
        *,
        checkpointing: bool = False,
    ) -> None:
        super().__init__(settings.vocab_size, settings.positions, tokenizer)
        self.settings = settings
        self.projection = nn.Sequential(
            nn.Linear(memory_dim, settings.dim), nn.ReLU(), nn.Dropout(settings.visual_dropout)
        )
        self.network = RelationalTransformer(settings, checkpointing=checkpointing)

    def _hidden(self, memory: Tensor, texts: TeacherForced) -> Tensor:
        out: Tensor = self.network(self.projection(memory), texts.inputs, texts.mask)
        return out

    def _output(self, hidden: Tensor) -> Tensor:
        out: Tensor = self.network.output(hidden)
        return out

    def _steps(self, memory: Tensor, beams: int) -> RelationalSteps:
        return RelationalSteps(self.network, self.projection(memory), beams)

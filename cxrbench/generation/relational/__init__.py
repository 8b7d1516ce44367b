"""R2Gen: a transformer whose decoder remembers what it wrote (Chen 2020, arXiv 2010.16056).

Written from the equations of the paper. What the paper leaves open is as in the released model, and
said where it is used.
"""

from cxrbench.generation.relational.generator import RelationalGenerator
from cxrbench.generation.relational.settings import RelationalSettings

__all__ = ["RelationalGenerator", "RelationalSettings"]

"""A program for a Python that has medspaCy: texts to sentences, both as JSON.

It is run by its path and imports nothing of cxrbench, since medspaCy needs an older NumPy.
"""

import json
import sys


def main() -> None:
    """Lists of sentences of a list of texts, from standard input to standard output."""
    import medspacy
    from loguru import logger  # medspaCy brings it along

    logger.disable("PyRuSH")  # a line for every token
    model = medspacy.load(medspacy_enable=["medspacy_pyrush"])
    texts = json.load(sys.stdin)
    found = [[str(sentence) for sentence in model(text).sents] for text in texts]
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()

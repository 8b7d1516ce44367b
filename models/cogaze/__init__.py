"""CoGaze (arXiv 2603.26049): a context- and gaze-guided vision-language encoder."""

"""The observations of CheXpert (Irvin et al. 2019), as CheXbert numbers them and their states."""

OBSERVATIONS = (
    "Enlarged Cardiomediastinum", "Cardiomegaly", "Lung Opacity", "Lung Lesion", "Edema",
    "Consolidation", "Pneumonia", "Atelectasis", "Pneumothorax", "Pleural Effusion",
    "Pleural Other", "Fracture", "Support Devices", "No Finding",
)  # fmt: skip
"""In the order of CheXbert's heads."""
BLANK, POSITIVE, NEGATIVE, UNCERTAIN = range(4)
"""Classes of a head; that of No Finding knows the first two."""

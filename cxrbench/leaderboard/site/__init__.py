"""The web page: one file that works from the disk, without a server and without the network."""

from cxrbench.leaderboard.site.figures import read_figures
from cxrbench.leaderboard.site.page import PAGE, pages

__all__ = ["PAGE", "pages", "read_figures"]

"""A static site of all lessons, whose panels move where no kernel runs.

Each lesson is run once. A panel is then not shown as it stands but recorded: every state of its
grid is worked out (`helpers.site.recording`), and a small script switches between them. A folder
holds all that the site needs: it opens from any host of files, or without one.
"""

from helpers.site.folder import make, make_all, write_index
from helpers.site.pages import lab, page

__all__ = ["lab", "make", "make_all", "page", "write_index"]

"""Floor 6: what people call from a shell, and the one writer of HTML pages."""

from bcejax.commands.page import (
    Badge,
    Block,
    Drawing,
    Entry,
    Facts,
    Findings,
    Grid,
    Listing,
    Page,
    Paragraph,
    Section,
    make_grid,
    render_page,
    write_page,
)
from bcejax.commands.typesetting import typeset

__all__ = [
    "Badge",
    "Block",
    "Drawing",
    "Entry",
    "Facts",
    "Findings",
    "Grid",
    "Listing",
    "Page",
    "Paragraph",
    "Section",
    "make_grid",
    "render_page",
    "typeset",
    "write_page",
]

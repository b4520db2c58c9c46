"""A picture of a result: three planes with contours, a legend and a scale bar."""

from kdseg.picture.overview import draw_overview, to_png

__all__ = ["draw_overview", "to_png"]

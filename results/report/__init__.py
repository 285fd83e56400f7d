"""A run as one HTML file that explains itself: figures, tables and images, seen without a network."""

from results.report.page import report_html, write_report

__all__ = ["report_html", "write_report"]

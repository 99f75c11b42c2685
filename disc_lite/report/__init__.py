"""Run folder -> HTML page. Reads the files of a finished run; loads no model and does not import torch.

reading     the files of a run
markup      text -> HTML, escaped
charts      figures -> SVG
learned     the report card, before and after, by document
course      training curves, and what the run took
answers     answers before and after
sources     ledger and recipe
page        the whole page
inspection  one document: which passage taught what
"""

from disc_lite.report.inspection import inspect_document
from disc_lite.report.page import write_report

__all__ = ["inspect_document", "write_report"]

"""Run folder -> report. Reads the files of a finished run; knows no model and no torch.

reading     the files of a run
markup      text -> HTML, escaped
charts      figures -> SVG
learned     the report card, before against after, document by document
course      training over the steps, and what it took
answers     what it says now
sources     ledger and recipe
page        all of it in one file
inspection  one document: which passage taught what
"""

from disc_lite.report.inspection import inspect_document
from disc_lite.report.page import write_report

__all__ = ["inspect_document", "write_report"]

"""Run folder -> HTML page. Reads the files of a finished run; loads no model and does not import torch.

Read `page` first.
"""

from disc_lite.report.inspection import inspect_document
from disc_lite.report.page import write_report

__all__ = ["inspect_document", "write_report"]

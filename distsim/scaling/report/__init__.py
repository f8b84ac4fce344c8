"""What a reader gets of the records: log lines, tables, figures, one page of HTML, comparisons.

summary.py   points of curves: means over seeds and repetitions, speed-up and efficiency; whether records agree
figures.py   curves over network size or ranks; figure_style.py: how they look
kept.py      figures and statistics of the data that are kept of points
page.py      tables for terminal, Markdown and CSV; the report as Markdown and as one page of HTML
command.py   ``report``, ``show`` and the report at the end of an experiment; compare.py: ``compare``
"""

"""What a reader gets of the records: log lines, tables, figures, one page of HTML, comparisons.

lines.py      the log line of a point
scaling.py    speed-up and efficiency
summary.py    means and standard deviations over seeds and repetitions
checks.py     whether the records of a network agree
tables.py     tables for terminal, Markdown and CSV
figures.py    curves over network size or ranks; panels.py and phases.py: what they are made of
page.py       one page of HTML with all of it
command.py    ``report``; compare.py: ``compare``; show.py: ``show``
"""

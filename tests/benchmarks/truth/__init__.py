"""What the pipeline finds on public data whose causes are known, as a number.

``PYTHONPATH=tests python -m benchmarks.truth`` converts, analyses, scores, and prints the table.
"""

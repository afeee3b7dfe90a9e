"""Observations of one node → symptoms of that node.

Law: pure. A detector keeps *facts* (counted occurrences in short buckets of event time) and its
symptoms are a function of those facts alone, so any order of arrival within the allowed lateness,
any batching and a restart anywhere give the same symptoms. That holds up to the bounds of
``DetectSettings``: which fingerprints are kept beyond one depends on which came first, and all
others are counted as overflow. Detectors do not know each other: one signal, one topic, one
detector.
"""

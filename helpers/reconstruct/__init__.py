"""Cohorts of patients whom a paper doesn't show, each in agreement with every number it prints.

`counts` says what the printed numbers ask of the patients; `categorical` finds patients who
have it, or the numbers that exclude each other.
"""

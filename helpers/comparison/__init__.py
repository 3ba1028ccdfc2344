"""Documents side by side: the same question put to each, and what changes by how it is put.

`documents` reads which documents, and what in each answers a question; `printed` sets what they
print in one table; `rates`, `survival` and `doses` work out the rest from patients and plans;
`panels` lets a reader change the definitions, and `answers` checks exercises on them.
"""

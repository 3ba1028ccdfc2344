"""Lessons in class: versions to hand out and to teach from, and notebooks handed in, graded.

`tasks` finds the exercises of a lesson; `versions` makes a student's and a teacher's notebook of
it, in nbgrader's format. `grading` grades a folder of notebooks: `submissions` reads them as
data, `answers` finds what needs no running, `warm` keeps a lesson that has been run and forks it
for each notebook, and `sandbox` is where the fork runs what a student wrote; `system_calls` are
what the system refuses to it.
"""

"""What was used, by day (UTC), key, model and account, and what a key may still use.

``use`` names the counters of a request (pure), ``tally`` writes them after an answer, ``report``
reads sums off them, ``quota`` holds a key to its limits.
"""

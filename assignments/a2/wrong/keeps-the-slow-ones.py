# ruff: noqa
# score: 16
# why: the slow queries as they were: right rows, and nothing saved
# others: reference
# %% a2-country-solution
bytes_by_country = slow_bytes_by_country
# %% a2-busiest-solution
busiest = slow_busiest
# %% a2-both-solution
in_both = slow_in_both

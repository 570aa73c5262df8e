"""The course's notebooks: what each needs, whether it is fit to be committed, and whether it runs.

``contract`` says what a notebook needs, ``catalog`` which notebooks there are, ``check`` what is off with one and
``tidy`` mends it; ``run`` executes many, each through ``execute`` in a process of its own, and ``report`` writes down
what came of it.
"""

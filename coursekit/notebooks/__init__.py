"""The course's notebooks: what each needs, whether it is fit to be committed, and whether it runs.

``contract`` says what a notebook needs, ``catalog`` which notebooks there are, ``check`` what is off with one and
``tidy`` mends it. ``run`` executes many: ``schedule`` says which begins when, ``attempt`` is one of them, executed by
``execute`` in a process or a container of its own, unless ``kept`` knows that nothing has changed; ``judge`` compares
with the contract, and ``report`` writes down what came of it. ``changes`` tells a reviewer what a branch altered.
"""

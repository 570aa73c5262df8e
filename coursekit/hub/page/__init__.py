"""The course page, a service of the Hub: what a student has and owes, and for instructors the class at a glance.

The page has no power of its own. It asks the gateway with the token of whoever looks at it, so that it can show and do
no more than they could; grades are those of feedback that was released to them.
"""

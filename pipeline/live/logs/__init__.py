"""Pods → followers of their logs → observations.

Reading order::

    pods     pod objects → what there is to follow                     (pure)
    cursor   how far a log has been published; what came twice         (pure)
    budget   how much one container may write                          (pure)
    lines    bytes of a log → observations, gaps, rejected             (pure but for its sink)
    slots    how many streams there are at once
    follow   one container, through restarts, rotations, broken connections
    fleet    a follower for each container of each pod that is ours

Law: each line once, in the order of its log; what is out of reach is told as a gap.
"""

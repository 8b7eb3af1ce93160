"""A user's own study: the segmentation networks on images of one's own.

:mod:`.study` sets it up, :mod:`.stored` reads what it left, :mod:`.prediction` uses its best
network, :mod:`.report` makes its page. The rest of the package does without this one.
"""

"""Anyone's images and masks: read as they are, understood, prepared, split; the ambiguous refused.

From the ground up: :mod:`.reading` opens a picture, :mod:`.pairing` finds its mask,
:mod:`.label_map` says what the mask's values mean, :mod:`.label_inference` finds that out from
:mod:`.mask_statistics` and :mod:`.label_files`, :mod:`.background` and :mod:`.objects` ask where
that is open, :mod:`.preprocessing` brings images to what a network takes, :mod:`.splits` parts
them by :mod:`.split_lists` and keeps :mod:`.duplicates` together, and :mod:`.folder` makes a data
set of it all, large ones in a :mod:`.cache`.
"""

"""Anyone's images and masks: read as they are, understood, prepared, split; the ambiguous refused.

From the ground up: :mod:`.reading` opens a picture, with :mod:`.tiff` for what instruments write,
and :mod:`.picture` says what of it counts. :mod:`.pairing` finds the mask of each image:
:mod:`.picture_files` reads names and folders, :mod:`.matching` compares them,
:mod:`.fields_of_view` knows what is no mask, and a mask may be drawn from several files
(:mod:`.united`) or from outlines (:mod:`.annotations`, :mod:`.coco`, :mod:`.labelme`).
:mod:`.label_map` says what the mask's values mean, :mod:`.label_inference` finds that out from
:mod:`.mask_statistics` and :mod:`.label_files`, :mod:`.background` and :mod:`.objects` ask where
that is open, :mod:`.preprocessing` brings images to what a network takes, :mod:`.unread` leaves
out what cannot be read, :mod:`.splits` parts the rest by :mod:`.split_lists` and keeps
:mod:`.duplicates` together, and :mod:`.folder` makes a data set of it all, large ones in a
:mod:`.cache`.
"""

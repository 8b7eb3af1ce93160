"""Data and check values that the notebooks of UDL chapter 10 print, and published scores.

Nothing here is a result of ours: pages show these numbers beside what the package computes.
"""

import numpy as np

# Notebook 10.1: the signal, and the sums that its outputs should have (kernel, options, sum).
SIGNAL = np.array([5.2, 5.3, 5.4, 5.1, 10.1, 10.3, 9.9, 10.3, 3.2, 3.4, 3.3, 3.1])
AVERAGE_3 = np.array([0.33, 0.33, 0.33])
AVERAGE_5 = np.array([0.2, 0.2, 0.2, 0.2, 0.2])
DERIVATIVE = np.array([-0.5, 0.0, 0.5])
LAST_KERNEL = np.array([-1.0, 0.5, -0.2])
CHECK_SUMS = {"kernel 3": 71.1, "kernel 5": 69.6, "dilation 2": 68.3}

# Notebook 10.4: the patches that it makes smaller and larger.
PATCH_4X4 = np.array([[1, 3, 5, 3], [6, 2, 0, 8], [4, 6, 1, 4], [2, 8, 0, 3]])
PATCH_2X2 = np.array([[6, 8], [8, 4]])

# Test accuracy on MNIST-1D as Greydanus & Kobak (2020) publish it, table 1; with its pixels
# shuffled in one fixed order the spatial structure is gone.
MNIST1D_ACCURACY = {
    "logistic": 0.32, "mlp": 0.68, "cnn": 0.94, "gru": 0.91, "human": 0.96,
}  # fmt: skip
MNIST1D_SHUFFLED_ACCURACY = {"logistic": 0.32, "mlp": 0.68, "cnn": 0.56, "gru": 0.57}

"""redis-plan: from a team's documents to a measured Redis architecture plan.

The package is one journey, left to right, and each part imports only what stands to its left:
``brief`` → ``actions`` → ``keyspace`` → ``evidence`` → ``plan``, with ``server`` beside them.
"""

import os

__version__ = "0.1.0"

# Numpy reads these when it loads. Our matrices are small: its threads would wait for each other by spinning, which takes several
# times the CPU, also from a server that is measured, and the order of a sum, so its last digit, would depend on who else is at work.
for _library in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_library, "1")

"""Old name of `modules.infotext_utils`; both names give the same module."""

import sys

from modules import infotext_utils

sys.modules[__name__] = infotext_utils

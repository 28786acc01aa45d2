"""The built-in settings, one table per page of settings. Keys, defaults and infotext keys are A1111 1.10.1's."""

"""Trains the pocket family from nothing: rendered portraits -> autoencoders -> text encoder and U-Net.

Run as `python -m pocket_webui.train` (or `python dev.py train`). Every stage writes its state to the work folder, so a
run that was stopped goes on where it was.
"""

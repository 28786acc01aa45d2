"""Measures what the pocket family paints against what was asked, and its autoencoders against rendered truth.

Run as `python -m pocket_webui.measure`. The judges learn from rendered pictures only, never from painted ones.
"""

"""Procedural portraits: endless rendered pictures of people with captions and truth in pixels."""

from .caption import caption
from .render import render
from .sample import sample
from .scene import Person, Scene, eye_boxes

sample_people = sample

__all__ = ["Person", "Scene", "caption", "eye_boxes", "render", "sample", "sample_people"]

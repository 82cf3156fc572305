"""Actions: what people, devices and timers do in a project, made from vetted guards and effects.

``catalog`` reads the mechanics of ``data/catalog/mechanics/``, ``compose`` makes one atomic function of each action.
"""

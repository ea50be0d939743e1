"""The embedded corpus: short children's stories with questions, made by rule, so that every answer is known.

Read in this order: `words` and `split`, `template` and `plot` (how a story is written down), `banks` and `plots` (the
writing), `cast`, `telling` and `world` (how it is told and what is true in it), `questions`, `tales`; then `measures`
(does it read like stories, is it held out) and `judge` (does a model answer).
"""

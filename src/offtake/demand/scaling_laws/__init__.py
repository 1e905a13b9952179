"""What loss a training run reaches for so many parameters, tokens and FLOP, and what is best for a budget.

`parametric` is the law with three terms (Hoffmann et al. 2022, and refits of it), `kaplan` the older one, `frontier`
the laws that state an optimum and no loss, `repeated` the law for tokens that are read more than once, and `serving`
the optimum where the model will be served; `published` has them all, with the source of every constant.
"""

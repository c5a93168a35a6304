"""Checks of a data set before training (`showtell data check`): pictures, captions, expected time and disk space.

`check` puts the parts together: `pictures`, `captions`, and `embedding_cost` for the time and the size of the store.
"""

from showtell.data_check.check import Problem, Survey, SurveyOptions, survey

__all__ = ["Problem", "Survey", "SurveyOptions", "survey"]

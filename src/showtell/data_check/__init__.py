"""Checks of a data set before training (`showtell data check`): pictures, captions, expected time and disk space.

`check` puts the parts together: `pictures`, `captions`, and `embedding_cost` for the time and the size of the store.
"""

from showtell.data_check.check import Survey, survey
from showtell.data_check.problems import Problem, SurveyOptions, look_before_training
from showtell.data_check.sizing import sized

__all__ = ["Problem", "Survey", "SurveyOptions", "look_before_training", "sized", "survey"]

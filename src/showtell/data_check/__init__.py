"""A look at a data set before anyone trains on it for an hour."""

from showtell.data_check.check import Problem, Survey, SurveyOptions, survey

__all__ = ["Problem", "Survey", "SurveyOptions", "survey"]

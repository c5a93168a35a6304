"""Checks of a data set before training: readable pictures, usable captions, expected time and disk space."""

from showtell.data_check.check import Problem, Survey, SurveyOptions, survey

__all__ = ["Problem", "Survey", "SurveyOptions", "survey"]

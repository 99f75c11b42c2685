"""The texts of all prompts; the chat template of the model is added around them.

answering  prompts about passages: answers, and verdicts of a judge
writing    prompts for writing questions and answers, with worked examples
"""

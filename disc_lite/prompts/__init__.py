"""The wordings of every task given to a model; what surrounds them is its own chat template.

answering  passages, questions about them, and the verdict of a judge
writing    the tasks of writing questions and answers, with worked examples in the language of the text
"""

"""The texts of all prompts; the chat template of the model is added around them."""

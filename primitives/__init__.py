"""The vocabulary: values that every layer names. Imports nothing of ours."""

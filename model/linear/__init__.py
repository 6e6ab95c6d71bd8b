"""The linear baseline: words and character n-grams, TF-IDF, logistic regression."""

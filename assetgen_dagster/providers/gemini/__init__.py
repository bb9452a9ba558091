"""Google's Gemini: models, prices, errors, and the calls that we make to its API."""

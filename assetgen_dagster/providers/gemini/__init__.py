"""Google's Gemini: models and prices, what its errors mean, and the API where we speak HTTP to it."""

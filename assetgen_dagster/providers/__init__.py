"""Providers of pictures and texts: the Gemini API, and any script that draws one picture. Prices and failures."""

"""Who draws and writes for money: the Gemini API, and any script that draws one picture. What they cost and mean."""

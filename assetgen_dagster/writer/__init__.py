"""Has a Gemini model write a project's manifest: the question, the answer, its price, and that it is paid once."""

"""The report of a study: Markdown, pictures, a table of cases and one JSON file, all made from its outcome."""

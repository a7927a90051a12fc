"""How a result shows itself, without its room knowing of printers and figures."""

"""Every figure of the report, in one style; one module per topic, the style in ``style``."""

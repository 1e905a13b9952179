"""FOCUS, the open specification of cost and usage (focus.finops.org, CC BY 4.0), versions 1.0 to 1.4."""

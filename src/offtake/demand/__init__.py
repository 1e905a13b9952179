"""Where the need comes from: scaling laws and training runs, and the traffic of people. Pure: values in, values out."""

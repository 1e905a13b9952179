"""What goes over the wire: bodies read strictly, streams of events, usage and errors in each dialect."""

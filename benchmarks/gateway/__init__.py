"""The gateway beside other gateways: the same upstream, the same load, one worker each."""

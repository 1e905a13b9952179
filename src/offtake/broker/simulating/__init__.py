"""Agreements tried out on a trace of jobs before anybody signs them: jobs to needs, needs to deals, to figures."""

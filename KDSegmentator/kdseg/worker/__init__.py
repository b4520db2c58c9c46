"""The child process that computes: ``python -m kdseg.worker REQUEST.json``.

Whoever starts it (the panel, the console, a service) writes a :class:`~kdseg.worker.request.JobRequest` into a file, keeps the
child's standard input open, and reads :mod:`~kdseg.worker.messages` from its standard output, one JSON object a line.

- ``cancel`` and a newline on standard input ends the run; so does the end of standard input, which means that the parent died.
- The exit code is 0, or that of the error (:mod:`kdseg.errors`).
- A result is there only if the exit code is 0 **and** the last message was ``done`` **and** the file has the digest it names.
"""

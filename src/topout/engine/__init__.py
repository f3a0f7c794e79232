"""The loop, the harness, the critic and the exam. Start reading in loop.py."""

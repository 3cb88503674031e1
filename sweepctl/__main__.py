"""`python -m sweepctl`."""

from sweepctl.main import app

if __name__ == "__main__":
    app(prog_name="sweepctl")

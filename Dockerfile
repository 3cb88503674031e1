# One image, three commands:
#   python -m service           the REST API
#   python -m workers.agent     claims sweeps and trains them
#   python -m service.migrate   brings the database up to date, then exits
# The MLflow server of docker-compose.yml and helm/ runs from it as well.
FROM python:3.11-slim

# Further arguments of pip, for example --build-arg PIP_ARGS="--extra-index-url URL" for an index
# with smaller CPU builds of torch.
ARG PIP_ARGS=""

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    MLFLOW_DISABLE_TELEMETRY=true \
    RAY_USAGE_STATS_ENABLED=0

RUN groupadd --gid 10001 sweep \
    && useradd --uid 10001 --gid 10001 --create-home sweep \
    && install -d -o sweep -g sweep /data

WORKDIR /app
# Torch alone first: it is by far the largest layer and changes least.
COPY constraints.txt ./
RUN pip install ${PIP_ARGS} -c constraints.txt torch==2.13.0
COPY pyproject.toml README.md LICENSE ./
COPY sweeps ./sweeps
COPY service ./service
COPY workers ./workers
COPY sweepctl ./sweepctl
COPY migrations ./migrations
RUN pip install ${PIP_ARGS} -c constraints.txt -e '.[s3]'

USER 10001:10001
EXPOSE 8765
CMD ["python", "-m", "service"]

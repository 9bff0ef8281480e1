# The server on processors: docker build -t dialogue-tts .
# On NVIDIA's GPUs:         docker build -t dialogue-tts:cuda --build-arg TORCH=cu130 .   (and `serve --device cuda`)
# docs/operations.md says how to run it.
FROM python:3.11-slim AS build
WORKDIR /src
RUN python -m venv /opt/dialogue-tts
ENV PATH=/opt/dialogue-tts/bin:$PATH \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1
# PyTorch alone and first: its build for processors is a tenth of the size of those for GPUs, and not on PyPI.
ARG TORCH=cpu
COPY constraints-3.11.txt .
RUN pip install --constraint constraints-3.11.txt torch torchaudio --index-url https://download.pytorch.org/whl/${TORCH}
COPY . .
RUN pip install --constraint constraints-3.11.txt '.[server,postgres,traces,aac,wyoming]'

FROM python:3.11-slim
RUN useradd --system --uid 10001 --home-dir /data --create-home dialogue-tts
COPY --from=build /opt/dialogue-tts /opt/dialogue-tts
ENV PATH=/opt/dialogue-tts/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    DIALOGUE_TTS_STORE=/data/store.db
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/health/ready', timeout=4)"]
# What is given to `docker run` comes behind, and the last of an option counts.
ENTRYPOINT ["dialogue-tts", "serve", "--host", "0.0.0.0", "--log-level", "info", "--log-format", "json", "--quiet"]

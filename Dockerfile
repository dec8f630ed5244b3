# The app as a container, which runs as a user who can write nothing but a home folder and /tmp.
#
#   docker build -t latentscape .
#   docker run --rm -p 7860:7860 latentscape
FROM python:3.11-slim

RUN useradd --create-home --uid 1000 latentscape
WORKDIR /opt/latentscape

COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt

COPY assets/examples assets/examples
COPY assets/models assets/models
COPY assets/preview.jpg assets/preview.jpg
COPY vae vae
COPY app app
RUN python -m compileall -q app vae

USER 1000
ENV GRADIO_SERVER_NAME=0.0.0.0 GRADIO_SERVER_PORT=7860
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7860/gradio_api/app_id', timeout=4)"]
CMD ["python", "app/main.py"]

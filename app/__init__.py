"""The web app. Knows Gradio; imports vae/, never train/."""

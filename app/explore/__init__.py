"""What a person can ask of an open model: plain Python in, arrays and Pillow pictures out. No Gradio, no HTML."""

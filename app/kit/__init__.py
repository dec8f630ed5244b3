"""What the app adds to Gradio: a base for widgets, events, picture inputs, pictures sent on. It knows no tab."""

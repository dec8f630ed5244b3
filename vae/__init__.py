"""The variational autoencoder: the model, its losses, its latents, and the folders it lives in."""

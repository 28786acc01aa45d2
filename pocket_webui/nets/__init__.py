"""The pocket model's networks: a reduced Stable Diffusion whose tensors carry SD1's own names.

`unet` and `vae` follow the published architectures (Rombach et al. 2022, latent diffusion; Esser et al. 2021, VQGAN's
autoencoder), so that a checkpoint written here is an ordinary `.safetensors` + `.yaml` pair for any WebUI.
"""

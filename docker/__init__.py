"""How the image is made, and how it is read: what the Dockerfile and docker/build run."""

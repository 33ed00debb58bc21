"""First stage: sees new content in the mounted folder and hands it on, whole."""

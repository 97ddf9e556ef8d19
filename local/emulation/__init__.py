"""The emulator of AWS, and the deployment of template.yaml to it."""

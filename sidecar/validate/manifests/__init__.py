"""Finds ConfigMaps and Secrets in manifests, and where in the file each line of their data stands.

For `surehup check` only: the sidecar gets its content from the mount. `read` picks out the objects,
`origin` maps lines back.
"""

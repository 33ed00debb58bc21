"""Why the API server gave no answer: one sentence, with its address and what to do."""

from __future__ import annotations

import http.client
import socket
import ssl

from urllib3.exceptions import ProtocolError

from sidecar.kube.errors import UnreachableError

_BROKEN_OFF = (ConnectionError, ssl.SSLError, http.client.HTTPException, ProtocolError)


def explain_silence(error: Exception, host: str, deadline_s: float) -> UnreachableError:
    """Turn what the libraries raise into what to do, innermost cause first."""
    where = f"the API server {host}"
    cause = _find_cause(error)
    if isinstance(cause, TimeoutError):
        return UnreachableError(
            f"{where} did not answer within {deadline_s:g} s: is it overloaded, or is a network"
            " policy in the way?"
        )
    if isinstance(cause, ssl.SSLCertVerificationError):
        return UnreachableError(
            f"the certificate of {where} is not trusted ({cause.verify_message}): give the CA that"
            " signed it (ca.crt beside the token, or certificate-authority in the kubeconfig)"
        )
    if isinstance(cause, socket.gaierror):
        return UnreachableError(f"the host name of {where} cannot be resolved: see the pod's DNS")
    if isinstance(cause, ConnectionRefusedError):
        return UnreachableError(f"{where} refuses connections: is it up, and is that its port?")
    if isinstance(cause, _BROKEN_OFF):
        return UnreachableError(f"{where} broke the connection off: is it restarting?")
    reason = getattr(cause, "strerror", None) or type(cause).__name__
    return UnreachableError(f"{where} cannot be reached ({reason}): see the network to it")


def _find_cause(error: BaseException) -> BaseException:
    """The socket's own error inside the libraries' wrapping."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, (OSError, http.client.HTTPException)):
            return seen
        inner = [arg for arg in seen.args if isinstance(arg, BaseException)]
        seen = inner[0] if inner else seen.__cause__ or seen.__context__
    return error

"""A patch of how requests arrive: those over the loopback count as sent over TLS."""

from ministack import app

from local.emulator.internals import internal, replace


def loopback_counts_as_tls() -> None:
    """Let the local cloud's requests pass policies that refuse requests without TLS.

    AWS, "AWS global condition context keys": `aws:SecureTransport` is true for requests sent over TLS. The local cloud
    is plain HTTP on this machine only, so for its policies every request counts as one that came by TLS.
    """
    stock = internal(app, "pin_request_origin")

    def pin(source_ip: str, secure_transport: bool) -> None:  # noqa: ARG001 - ignored on purpose
        stock(source_ip, True)

    replace(app, "pin_request_origin", pin)

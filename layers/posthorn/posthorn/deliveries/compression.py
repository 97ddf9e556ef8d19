"""Text of the log as bytes: deflated where that is smaller, for a write unit is a kilobyte."""

import zlib

_PLAIN, _DEFLATED = b"\0", b"\1"
# What most items share, the most common last (preset dictionary, RFC 1950 §2.2). Items written with
# it are read with it: a better dictionary gets a tag of its own beside this one.
_DICTIONARY = (
    b'{"CustomerId":,"OrderId":,"OrderNo":"","ClientOrderRef":"","Source":"WEB","CellPhone":"+46'
    b'","FirstName":"","LastName":"","PartNo":"","WarehouseCode":"","LocationId":,"OnHandValue":'
    b',"MinimumValue":,"PricelistCode":"","EntityChanged":"tClient","ApplicationId":,"ClientId":'
    b'strict-transport-security":"max-age=31536000","x-request-id":"","content-type":"text/html; '
    b'charset=utf-8","transfer-encoding":"chunked","cache-control":"no-store","vary":"Accept-Encod'
    b'ing","connection":"keep-alive","server":"nginx","date":"Mon, Tue, Wed, Thu, Fri, Sat, Sun, '
    b'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec 2026 GMT","content-length":"0"},"body":"","t'
    b'runcated":false}{"number":1,"trigger":"first","endpoint_version":1,"started_at":"2026-","duration_m'
    b's":,"timings_ms":{"dns":0,"connect":1,"tls":,"first_byte":},"outcome":"succeeded","advice":"'
    b'","request":{"method":"POST","url":"https://","headers":{"content-type":"application/json","us'
    b'er-agent":"Posthorn/0.1","webhook-id":"evt_","webhook-timestamp":"17","webhook-signature":"v1,'
    b'","posthorn-event-type":"Event","posthorn-attempt":"1"}},"response":{"status_code":200,"headers'
    b'":{"event":{"id":"evt_01","tenant":"","type":"","time":"2026-","data":{"ClientId":'
)


def pack(text: str) -> bytes:
    plain = text.encode()
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15, zdict=_DICTIONARY)
    deflated = deflater.compress(plain) + deflater.flush()
    return _DEFLATED + deflated if len(deflated) < len(plain) else _PLAIN + plain


def unpack(packed: bytes) -> str:
    tag, content = packed[:1], packed[1:]
    if tag == _DEFLATED:
        return zlib.decompressobj(-15, zdict=_DICTIONARY).decompress(content).decode()
    return content.decode()

/** The first bytes of a client (RFC 9113 §3.4): the preface and an empty SETTINGS frame. */
export const PREFACE: Buffer = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(0x4, 0, 0)])

/** A frame (RFC 9113 §4.1). */
export function frame(type: number, flags: number, stream: number, payload: Uint8Array = new Uint8Array()): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head.writeUInt8(type, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

/** `GET https://a/` as a HEADERS frame that ends its stream: entries of HPACK's static table, and the authority. */
export function getFrame(stream: number): Buffer {
  return frame(0x1, 0x5, stream, Buffer.from('828487410161', 'hex'))
}

/** RST_STREAM with CANCEL. */
export function resetFrame(stream: number): Buffer {
  return frame(0x3, 0, stream, Buffer.from('00000008', 'hex'))
}

/** PING. */
export function pingFrame(): Buffer {
  return frame(0x6, 0, 0, Buffer.alloc(8))
}

/** SETTINGS, which has to be acknowledged. */
export function settingsFrame(): Buffer {
  return frame(0x4, 0, 0)
}

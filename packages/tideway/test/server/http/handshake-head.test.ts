import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { MAX_HEAD_BYTES, MAX_HEADERS, readHandshakeHead } from '../../../src/server/handshake/handshake-head.ts'
import { messageOf, type RequestHead } from '../../../src/server/handshake/request-head.ts'
import { Random } from '../fuzz/random.ts'
import { requestText, validHandshake } from '../raw-client.ts'

type Lines = readonly (readonly [name: string, value: string])[]

/** The compared properties of a head. */
function said({ method, url, httpVersion, rawHeaders, headers }: RequestHead): object {
  return { method, url, httpVersion, rawHeaders, headers: { ...headers } }
}

/** A socket whose written data is discarded. */
class Loose extends Duplex {
  override _read(): void {}
  override _write(_chunk: Buffer, _encoding: string, done: () => void): void {
    done()
  }
}

const bytesOf = (text: string): Buffer => Buffer.from(text, 'latin1')
const read = (text: string, maxBytes?: number): ReturnType<typeof readHandshakeHead> =>
  readHandshakeHead(new Loose() as unknown as Socket, bytesOf(text), maxBytes)

const server: Server = createServer({ maxHeaderSize: 16_384 })

/** The request of the `upgrade` event of Node's own server for the bytes, if no bytes follow it. */
async function nodeReads(text: string): Promise<IncomingMessage | undefined> {
  const socket = new Loose()
  const upgraded = new Promise<IncomingMessage | undefined>((resolve) => {
    server.removeAllListeners()
    // Node adds two listeners to the connection.
    listeners.forEach((listener) => server.on('connection', listener as (socket: Socket) => void))
    server.on('upgrade', (request, _socket, head) => resolve(head.length === 0 ? request : undefined))
    server.on('request', () => resolve(undefined))
    server.on('clientError', () => resolve(undefined))
    socket.on('close', () => resolve(undefined))
    server.emit('connection', socket)
    socket.push(bytesOf(text))
    // Node emits no event for an incomplete head.
    setImmediate(() => setImmediate(() => resolve(undefined)))
  })
  const request = await upgraded
  socket.destroy()
  return request
}
const listeners = server.listeners('connection')

const chrome: Lines = [
  ['Host', 'chat.example:8000'],
  ['Connection', 'Upgrade'],
  ['Pragma', 'no-cache'],
  ['Cache-Control', 'no-cache'],
  [
    'User-Agent',
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36',
  ],
  ['Upgrade', 'websocket'],
  ['Origin', 'https://chat.example:8000'],
  ['Sec-WebSocket-Version', '13'],
  ['Accept-Encoding', 'gzip, deflate, br, zstd'],
  ['Accept-Language', 'en-GB,en;q=0.9'],
  ['Cookie', 'sessionid=abc.def; theme="dark"; empty='],
  ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
  ['Sec-WebSocket-Extensions', 'permessage-deflate; client_max_window_bits'],
]
const firefox: Lines = chrome.map(([name, value]) => [name, name === 'Connection' ? 'keep-alive, Upgrade' : value])
const textOf = (lines: Lines, target = '/ws/chat/lobby/?token=a%20b'): string =>
  `GET ${target} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`

describe('readHandshakeHead() parses as Node does', () => {
  it.each([
    ['of Chrome', textOf(chrome)],
    ['of Firefox', textOf(firefox)],
    ['as short as it gets', requestText('GET / HTTP/1.1', validHandshake)],
    ['with names and tokens in any case', textOf(chrome.map(([name, value]) => [name.toUpperCase(), value]))],
  ])('%s', async (_what, text) => {
    const head = read(text)
    expect(head && said(head)).toEqual(said((await nodeReads(text))!))
  })

  it('converts its result to a request object of Node', async () => {
    const message = messageOf(read(textOf(chrome))!)
    const nodes = (await nodeReads(textOf(chrome)))!
    for (const name of ['httpVersionMajor', 'httpVersionMinor', 'complete', 'upgrade', 'headersDistinct'] as const) {
      expect((message as unknown as Record<string, unknown>)[name]).toEqual(
        (nodes as unknown as Record<string, unknown>)[name],
      )
    }
    expect(said(message)).toEqual(said(nodes))
    expect(messageOf(nodes)).toBe(nodes)
  })
})

describe('readHandshakeHead() returns undefined for a head', () => {
  const [host, connection, ...rest] = chrome
  it.each([
    ['another method', textOf(chrome).replace('GET', 'PUT')],
    ['HTTP/1.0', textOf(chrome).replace('HTTP/1.1', 'HTTP/1.0')],
    ['an absolute target', textOf(chrome, 'http://chat.example:8000/')],
    ['a fragment', textOf(chrome, '/ws/#here')],
    ['a byte beyond ASCII in the target', textOf(chrome, '/\xe9')],
    ['a value beyond ASCII', textOf([...chrome, ['X-Name', 'J\xf6rg']])],
    ['a tab in a value', textOf([...chrome, ['X-Tab', 'a\tb']])],
    ['an empty value', textOf([...chrome, ['X-Empty', '']])],
    ['a value in two lines', textOf([...chrome, ['X-Folded', 'a\r\n b']])],
    ['a line that ends with LF', textOf(chrome).replace('no-cache\r\n', 'no-cache\n')],
    ['a bare CR', textOf([...chrome, ['X-CR', 'a\rb']])],
    ['a header twice', textOf([...chrome, ['X-Forwarded-For', '192.0.2.1'], ['x-forwarded-for', '192.0.2.2']])],
    ['a header that every object has', textOf([...chrome, ['constructor', 'x']])],
    ['a prototype', textOf([...chrome, ['__proto__', 'x']])],
    ['a length', textOf([...chrome, ['Content-Length', '0']])],
    ['a body', textOf([...chrome, ['Transfer-Encoding', 'chunked']])],
    ['an expectation', textOf([...chrome, ['Expect', '100-continue']])],
    ['another protocol', textOf(chrome).replace('websocket', 'h2c')],
    ['two protocols', textOf(chrome).replace('websocket', 'websocket, h2c')],
    ['no protocol', textOf(chrome).replace('Upgrade: websocket\r\n', '')],
    ['a connection that is kept', textOf([host!, ['Connection', 'keep-alive'], ...rest])],
    ['other options of the connection', textOf([host!, ['Connection', 'Upgrade, HTTP2-Settings'], ...rest])],
    ['no options of the connection', textOf([host!, ...rest])],
    ['a frame behind it', `${textOf([host!, connection!, ...rest])}\x81\x80\x00\x00\x00\x00`],
    ['a second request behind it', `${textOf(chrome)}${textOf(chrome)}`],
    ['only a part of it', textOf(chrome).slice(0, -2)],
    ['an empty line in front', `\r\n${textOf(chrome)}`],
    ['nothing', ''],
  ])('that has %s', (_what, text) => {
    expect(read(text)).toBeUndefined()
  })

  it('that is larger than MAX_HEAD_BYTES', () => {
    const padded = (bytes: number): string => {
      const without = textOf([...chrome, ['X', 'x']]).length
      return textOf([...chrome, ['X', 'x'.repeat(1 + bytes - without)]])
    }
    expect(read(padded(MAX_HEAD_BYTES))).toBeDefined()
    expect(read(padded(MAX_HEAD_BYTES + 1))).toBeUndefined()
    expect(read(padded(1000), 1000)).toBeDefined()
    expect(read(padded(1001), 1000)).toBeUndefined()
  })

  it('that has more than MAX_HEADERS', () => {
    const more = (count: number): Lines => [
      ...chrome,
      ...Array.from({ length: count - chrome.length }, (_, i) => [`X-${i}`, 'x'] as const),
    ]
    expect(read(textOf(more(MAX_HEADERS)))).toBeDefined()
    expect(read(textOf(more(MAX_HEADERS + 1)))).toBeUndefined()
  })
})

describe('readHandshakeHead() on generated and mutated heads', () => {
  const random = new Random(20_261_123)
  const odd: Lines = [
    ['Content-Length', '0'],
    ['Content-Length', '5'],
    ['Transfer-Encoding', 'chunked'],
    ['Connection', 'close'],
    ['Connection', 'upgrade'],
    ['Upgrade', 'websocket'],
    ['Upgrade', 'h2c'],
    ['Host', 'evil.example'],
    ['Expect', '100-continue'],
    ['Keep-Alive', 'timeout=5'],
    ['Proxy-Connection', 'close'],
    ['Trailer', 'X'],
    ['TE', 'trailers'],
    ['X-Empty', ''],
    ['X-Spaces', ' a  b '],
    ['X-Tab', '\ta'],
    ['X-Odd', 'a:b=c;d"e'],
    ['x_underscore', '1'],
    ['__proto__', '1'],
    ['toString', '1'],
    ['Set-Cookie', 'a=b'],
    ['Authorization', 'Bearer x'],
  ]
  const bytes = Array.from('\r\n\0\t :,/?#%aZ0\x7f\x80\xff"{}<>\\^`|')

  function generated(): string {
    const lines = [...random.of([chrome, firefox, Object.entries(validHandshake)])]
    for (let i = random.below(4); i > 0; i--) lines.splice(random.below(lines.length + 1), 0, random.of(odd))
    if (random.is(0.2)) lines.splice(random.below(lines.length), 1)
    let text = textOf(
      lines,
      random.of(['/', '/ws/', '/a?b=c&d', '//x', '/%zz', '/a b', '*', 'http://a/', '/\xe9', '/"<>']),
    )
    for (let i = random.is(0.5) ? random.below(3) : 0; i > 0; i--) {
      const at = random.below(text.length)
      const kept = random.below(2)
      text = text.slice(0, at) + random.of(['', random.of(bytes), random.of(bytes)]) + text.slice(at + kept)
    }
    return text
  }

  it('accepts only heads that Node accepts, with the same result', async () => {
    const counts = { taken: 0, left: 0 }
    for (let i = 0; i < 6000; i++) {
      const text = generated()
      const head = read(text)
      if (head === undefined) {
        counts.left++
        continue
      }
      counts.taken++
      const nodes = await nodeReads(text)
      if (nodes === undefined) throw new Error(`Node does not take ${JSON.stringify(text)}`)
      expect(said(head), text).toEqual(said(nodes))
    }
    // A generator of only one kind would prove nothing.
    expect(Math.min(counts.taken, counts.left)).toBeGreaterThan(500)
  })
})

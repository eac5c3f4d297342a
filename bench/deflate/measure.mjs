// Fan-out and echo with permessage-deflate, tideway against ws: the server's CPU for each delivery.
//   node bench/deflate/measure.mjs [members=1000] [bytes=1024] [seconds=5] [in flight=8]
// The server runs in a process of its own, whose time is read from /proc; the clients are raw sockets that count frames
// and do not inflate them. Compare rows of one run only.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'

const [members = 1000, bytes = 1024, seconds = 5, inFlight = 8] = process.argv.slice(2).map(Number)
const OFFER = 'permessage-deflate; client_max_window_bits'

/** Words in an order that repeats nothing for long, as chats do not either. */
function message(length) {
  const words =
    'the quick brown fox jumps over a lazy dog while some people talk about rooms users messages and layers'.split(' ')
  let seed = Math.floor(Math.random() * 2 ** 31)
  let text = ''
  while (text.length < length) {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff
    text += `${words[seed % words.length]}${seed % 7 === 0 ? seed : ''} `
  }
  return JSON.stringify({ message: text.slice(0, length - 40) })
}

function clientFrame(text) {
  const payload = Buffer.from(text)
  const header =
    payload.length < 126
      ? Buffer.from([0x81, 0x80 | payload.length])
      : Buffer.from([0x81, 0xfe, payload.length >> 8, payload.length & 255])
  return Buffer.concat([header, Buffer.alloc(4), payload])
}

/** Opens a connection; `onFrame` is called for each frame with its size, and whether it is compressed. */
function open(port, offers, onFrame) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    let rest = Buffer.alloc(0)
    let isOpen = false
    socket.on('error', reject)
    socket.on('data', (chunk) => {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      if (!isOpen) {
        const end = rest.indexOf('\r\n\r\n')
        if (end < 0) return
        rest = rest.subarray(end + 4)
        isOpen = true
        resolve(socket)
      }
      while (rest.length >= 2) {
        let length = rest[1] & 0x7f
        let start = 2
        if (length === 126) {
          if (rest.length < 4) return
          length = rest.readUInt16BE(2)
          start = 4
        }
        if (rest.length < start + length) return
        onFrame(start + length, (rest[0] & 0x40) !== 0, socket)
        rest = rest.subarray(start + length)
      }
    })
    const extensions = offers ? `Sec-WebSocket-Extensions: ${OFFER}\r\n` : ''
    socket.write(
      `GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n${extensions}\r\n`,
    )
  })
}

function cpuOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10_000
}

function rssOf(pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024
}

async function freePort() {
  const server = createServer().listen(0)
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address()
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function row(name, which, mode, takeover, offers = true) {
  const port = await freePort()
  const server = spawn(
    process.execPath,
    [
      '--conditions=@tideway/source',
      '--import',
      'tsx',
      new URL('server.ts', import.meta.url).pathname,
      String(port),
      which,
      mode,
    ],
    { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, TAKEOVER: takeover ? '1' : '0' } },
  )
  try {
    for (let i = 0; ; i++) {
      try {
        ;(await open(port, false, () => {})).destroy()
        break
      } catch (error) {
        if (i > 200) throw error
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    }
    const frames = Array.from({ length: 64 }, () => clientFrame(message(bytes)))
    let next = 0
    let delivered = 0
    let wire = 0
    let compressed = 0
    let isOver = false
    const count = mode === 'echo' ? 100 : members
    const rssBefore = rssOf(server.pid)
    const sockets = []
    const onFrame = (length, isCompressed, socket) => {
      delivered++
      wire += length
      if (isCompressed) compressed++
      // In echo each keeps its own in flight; in fan-out the whole room has to have got one before the next is sent.
      if (!isOver && (mode === 'echo' || delivered % count === 0)) {
        ;(mode === 'echo' ? socket : sockets[0]).write(frames[next++ % frames.length])
      }
    }
    for (let i = 0; i < count; i++) sockets.push(await open(port, offers, onFrame))
    const rssIdle = rssOf(server.pid)
    for (const socket of mode === 'echo' ? sockets : [sockets[0]]) {
      for (let i = 0; i < inFlight; i++) socket.write(frames[next++ % frames.length])
    }
    await new Promise((resolve) => setTimeout(resolve, 1000))
    const cpu = cpuOf(server.pid)
    const before = delivered
    const wireBefore = wire
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
    const total = delivered - before
    const used = cpuOf(server.pid) - cpu
    const figures = [
      (used / total).toFixed(2).padStart(8),
      String(Math.round(total / seconds)).padStart(8),
      String(Math.round((wire - wireBefore) / total)).padStart(6),
      `${Math.round((100 * compressed) / delivered)} %`.padStart(6),
      ((1024 * (rssIdle - rssBefore)) / count).toFixed(0).padStart(5),
      rssOf(server.pid).toFixed(0).padStart(6),
    ]
    console.log(`${name.padEnd(44)}${figures.join('  ')}`)
    isOver = true
    for (const socket of sockets) socket.destroy()
  } finally {
    server.kill()
    await new Promise((resolve) => server.once('exit', resolve))
  }
}

console.log(`${members} members, ${bytes} bytes, ${inFlight} in flight; echo with 100 connections`)
console.log(`${''.padEnd(44)}µs/msg    msg/s   bytes  packed  kB/c  RSS MB`)
await row('fan-out  tideway', 'ours', 'fanout', false)
await row('fan-out  ws', 'ws', 'fanout', false)
await row('fan-out  tideway, context takeover', 'ours', 'fanout', true)
await row('fan-out  ws, context takeover', 'ws', 'fanout', true)
await row('fan-out  tideway, not offered', 'ours', 'fanout', false, false)
await row('fan-out  tideway, compression: false', 'plain', 'fanout', false, false)
await row('echo     tideway', 'ours', 'echo', false)
await row('echo     ws', 'ws', 'echo', false)
await row('echo     tideway, context takeover', 'ours', 'echo', true)
await row('echo     ws, context takeover', 'ws', 'echo', true)

import { InMemoryChannelLayer } from 'tideway'
import { path, rePath, urlRouter } from 'tideway/routing'
import type { Bench } from 'tinybench'
import { Mailbox } from '../../packages/tideway/src/layer/mailbox.ts'
import { encodeFrame, encodeTextFrame, opcodes } from '../../packages/tideway/src/server/websocket/frame.ts'
import { FrameParser, type FrameSink } from '../../packages/tideway/src/server/websocket/frame-parser.ts'
import { Outbox, type OutboxClient } from '../../packages/tideway/src/server/websocket/outbox.ts'
import { clientFrame } from './sockets.ts'

const nothing = (): void => {}

const sink: FrameSink = {
  onText: nothing,
  onBinary: nothing,
  onPing: nothing,
  onPong: nothing,
  onCloseFrame: nothing,
  onProtocolError(code, message) {
    throw new Error(`${code} ${message}`)
  },
}

/** Bytes become messages. The parser unmasks in place, so each time it gets a copy. */
function parser(bench: Bench): void {
  const texts = {
    'ASCII of 128 B': 'x'.repeat(128),
    'UTF-8 of 128 B': 'é'.repeat(64),
    'ASCII of 64 KiB': 'x'.repeat(65_535),
  }
  for (const [name, text] of Object.entries(texts)) {
    const frame = clientFrame(text)
    const whole = new FrameParser(sink, 2 ** 20)
    bench.add(`parse ${name}`, () => whole.push(Buffer.from(frame)))
  }
  const frame = clientFrame(texts['ASCII of 128 B'])
  const cut = new FrameParser(sink, 2 ** 20)
  bench.add('parse ASCII of 128 B, cut in two', () => {
    const copy = Buffer.from(frame)
    cut.push(copy.subarray(0, 40))
    cut.push(copy.subarray(40))
  })
}

/** Messages become bytes. */
function framer(bench: Bench): void {
  const [ascii, utf8, bytes] = ['x'.repeat(128), 'é'.repeat(64), Buffer.alloc(65_536)]
  bench.add('frame ASCII of 128 B', () => void encodeTextFrame(ascii))
  bench.add('frame UTF-8 of 128 B', () => void encodeTextFrame(utf8))
  bench.add('frame 64 KiB of bytes', () => void encodeFrame(opcodes.binary, bytes))
  const outbox = new Outbox()
  const clients = Array.from({ length: 1000 }, (): OutboxClient => ({ pending: undefined, flush: nothing }))
  bench.add('queue one text for 1,000 connections, and write it', () => {
    for (const client of clients) outbox.enqueue(client, outbox.textFrame(ascii))
    for (const client of clients) outbox.flushNow(client)
  })
}

/** A mailbox whose events are handled so, and whose messages are not handled at all. */
class Handling extends Mailbox<object, object> {
  protected override readonly handleEvent: () => void | Promise<void>

  constructor(handleEvent: () => void | Promise<void>) {
    super(100)
    this.handleEvent = handleEvent
  }

  protected override handleMessage(): void {}

  protected override handlerFailed(): void {}
}

function mailbox(bench: Bench): void {
  const idle = new Handling(nothing)
  const message = {}
  bench.add('hand a message to an idle mailbox', () => void idle.offer(message))
  let settle: () => void = nothing
  const handler = (): Promise<void> => new Promise((resolve) => (settle = resolve))
  const busy = new Handling(handler)
  bench.add('queue 50 messages in a busy mailbox, and hand them over', async () => {
    busy.enter(message)
    for (let i = 0; i < 50; i++) busy.offer(message)
    settle()
    await Promise.resolve()
  })
}

async function router(bench: Bench): Promise<void> {
  const application = (): Promise<void> => Promise.resolve()
  const routes = Array.from({ length: 20 }, (_, i) => path(`ws/other${i}/:id/`, application))
  const site = urlRouter([
    ...routes,
    path('ws/chat/:room/<int:page>/', application),
    rePath(/^ws\/re\/(?<room>\w+)\/$/, application),
  ])
  const call = site as unknown as (scope: object, receive: unknown, send: unknown) => Promise<void>
  for (const [name, target] of [
    ['the 1st', '/ws/other0/7/'],
    ['the 21st', '/ws/chat/lobby/7/'],
    ['the 22nd, a regular expression,', '/ws/re/lobby/'],
  ]) {
    const scope = { type: 'websocket', path: target, rootPath: '', urlRoute: undefined, pathRemaining: undefined }
    bench.add(`route to ${name} of 22 routes`, () => call(scope, nothing, nothing))
  }
}

async function layers(bench: Bench): Promise<void> {
  const layer = new InMemoryChannelLayer()
  const receiver = { deliver: () => 'delivered' as const }
  for (const members of [1, 1000]) {
    for (let i = 0; i < members; i++) {
      const channel = layer.newChannel()
      layer.attach(channel, receiver)
      await layer.groupAdd(`group${members}`, channel)
    }
    const message = { type: 'chat.message', message: 'x'.repeat(113), user: '' }
    bench.add(`groupSend to ${members} in memory`, () => layer.groupSend(`group${members}`, message))
  }
  const channel = layer.newChannel()
  layer.attach(channel, receiver)
  bench.add('join a group and leave it', async () => {
    await layer.groupAdd('group', channel)
    await layer.groupDiscard('group', channel)
  })
}

/** What is measured by itself, by the name that asks for it. */
export const parts: Readonly<Record<string, (bench: Bench) => void | Promise<void>>> = {
  parser,
  framer,
  mailbox,
  router,
  layers,
}

import { randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { InMemoryChannelLayer } from 'tideway'
import { defineGroup, LiveConsumer } from 'tideway/live'
import { z } from 'zod'
import { recipe, users } from '../site.ts'

const MAX_BYTES = 10_000_000
const folder = await mkdtemp(join(tmpdir(), 'uploads-'))
const layer = new InMemoryChannelLayer()

const room = defineGroup('room', {
  events: { uploaded: z.object({ file: z.string(), name: z.string(), by: z.string(), bytes: z.number() }) },
  history: { size: 200 },
})

export class RoomConsumer extends LiveConsumer {
  static override groups = { room }

  override authorize() {
    return this.scope.user.isAuthenticated
  }
}

async function upload(request: Request) {
  const { pathname, searchParams } = new URL(request.url)
  if (request.method !== 'POST' || pathname !== '/files') return undefined
  const by = users.find(({ id }) => request.headers.get('authorization') === `Bearer ${id}`)?.username
  if (by === undefined || request.body === null) return new Response('Log in first.', { status: 401 })

  const file = randomUUID() // never a name from the client
  let bytes = 0
  const count = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length
      done(bytes > MAX_BYTES ? new RangeError('The file is too large.') : null, chunk)
    },
  })
  try {
    await pipeline(Readable.fromWeb(request.body as never), count, createWriteStream(join(folder, file)))
  } catch (error) {
    await rm(join(folder, file), { force: true })
    if (error instanceof RangeError) return new Response(error.message, { status: 413 })
    throw error
  }
  const name = (searchParams.get('name') ?? 'file').slice(0, 200)
  await room('lobby').publish(layer, 'uploaded', { file, name, by, bytes })
  return Response.json({ file }, { status: 201 })
}

export default recipe(import.meta.dirname, RoomConsumer.asApplication(), layer, upload)

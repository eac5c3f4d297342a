import { mkdtemp, rm } from 'node:fs/promises'
import { readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WebSocketCommunicator } from 'tideway/testing'
import { closeTasks, closeThreads, tasksDefaults, threadPoolDefaults, Worker, workerDefaults } from 'tideway/worker'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import {
  application,
  ChatConsumer,
  channelLayer,
  createTables,
  invertInThread,
  made,
  ReportConsumer,
  sendJob,
  tasks,
} from './heavy-work/examples.ts'
import { patiently } from '../../../../test/setup/patiently.ts'

const guide = readFileSync(new URL('../../../../docs/guides/heavy-work.md', import.meta.url), 'utf8')
const folder = new URL('heavy-work/', import.meta.url)
const examples = readdirSync(folder).map((file) => readFileSync(new URL(file, folder), 'utf8'))

describe('the guide to heavy work', () => {
  let database: string

  beforeAll(async () => {
    database = await mkdtemp(join(tmpdir(), 'tideway-guide-'))
    vi.stubEnv('DATABASE', join(database, 'chat.db'))
  })

  afterAll(async () => {
    await closeThreads()
    await closeTasks(tasks)
    await channelLayer.close()
    vi.unstubAllEnvs()
    await rm(database, { recursive: true })
  })

  it('shows only code that is compiled and run here', () => {
    const blocks = Array.from(guide.matchAll(/```ts\n(.*?)```/gs), ([, code]) => code!.trimEnd())
    expect(blocks.length).toBeGreaterThan(5)
    const parts = blocks.flatMap((block) => block.split('\n\n'))
    expect(parts.filter((part) => !examples.some((file) => file.includes(part)))).toEqual([])
  })

  it.each([
    ['ThreadPool', threadPoolDefaults],
    ['Worker', workerDefaults],
    ['defineTasks', tasksDefaults],
  ])('names all defaults of %s', (name, defaults) => {
    const header = `| \`${name}\` | default | |\n|---|---|---|\n`
    const table = guide.slice(guide.indexOf(header) + header.length).split('\n\n')[0]!
    const rows = table
      .trim()
      .split('\n')
      .map((row) => row.split('|').map((cell) => cell.replaceAll(/[ `]/g, '')))
    const documented = Object.fromEntries(rows.map(([, option, value]) => [option, value]))
    const actual = Object.fromEntries(Object.entries(defaults).map(([option, value]) => [option, String(value)]))
    expect(documented).toEqual(actual)
  })

  it('shows functions in threads, with one connection each', async () => {
    await createTables()
    const visitor = new WebSocketCommunicator(ChatConsumer.asApplication(), '/')
    await visitor.connect()
    visitor.sendTo('hello')
    expect(await visitor.receiveFrom(15_000)).toBe('message 1')
    await visitor.disconnect()
    expect(await invertInThread(new Uint8Array([0, 255]))).toEqual(new Uint8Array([255, 0]))
  })

  it('shows a worker that runs jobs', async () => {
    const worker = new Worker({ application, channels: ['thumbnails'], channelLayer })
    const ended = worker.run()
    await sendJob()
    await patiently(() => expect(made).toEqual([7]))
    await worker.stop()
    await ended
  })

  it('shows a task that sends progress to a room', async () => {
    const visitor = new WebSocketCommunicator(ReportConsumer.asApplication(), '/', {
      scope: { channelLayers: { default: channelLayer } },
    })
    await visitor.connect()
    visitor.sendTo('/report')
    for (let percent = 10; percent <= 100; percent += 10) {
      expect(await visitor.receiveFrom(5000)).toBe(`${percent} %`)
    }
    expect(await visitor.receiveFrom(5000)).toBe('{"words":5}')
    await visitor.disconnect()
  })
})

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeWith, programPath } from '../../../../test/setup/describe-with.ts'
import { VectorServer } from './vector-server.ts'

const script = fileURLToPath(new URL('fixture/live_client.py', import.meta.url))

describeWith(['pythonClients'], 'a client in Python that is written from docs/spec/live.md', () => {
  const server = new VectorServer()
  let port: number
  beforeAll(async () => {
    port = await server.start()
  })
  afterAll(() => server.end())

  async function run(scenario: string): Promise<unknown> {
    const options = { timeout: 120_000 }
    const { stdout } = await promisify(execFile)(
      programPath('pythonClients'),
      [script, scenario, String(port)],
      options,
    )
    return JSON.parse(stdout)
  }

  it('joins groups, gets refusals and a snapshot, and leaves', async () => {
    expect(await run('joins')).toEqual({
      lobby: [false],
      board: { people: ['ann'] },
      states: ['forbidden', 'unavailable', 'unknown_group'],
      left: 'left',
    })
  })

  it('resumes after lost connections, with every event once and in order', async () => {
    expect(await run('resumes')).toEqual({
      events: Array.from({ length: 30 }, (_, index) => `${index + 1}`),
      recovered: [false, true, true, true, true, true],
    })
  })

  it('sends requests, and repeats one that was not answered before the connection was lost', async () => {
    expect(await run('requests')).toEqual({
      results: [3, null, { error: 'failed' }, { error: 'room_full' }, { error: 'unknown_request' }],
      count: [1, 2],
    })
  })
})

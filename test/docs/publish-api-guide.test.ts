import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { liveServer } from 'tideway/testing'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { describeWith, programPath } from '../setup/describe-with.ts'

// The programs of docs/guides/publish-api.md.

const PUBLISH_KEY = '0123456789abcdef0123456789abcdef'
const file = (name: string): string => fileURLToPath(new URL(`publish-api/${name}`, import.meta.url))

describeWith(['curl', 'openssl', 'pythonClients', 'php'], 'the guide of the publish API', () => {
  let close: () => Promise<void>
  let url: string
  beforeAll(async () => {
    vi.stubEnv('PUBLISH_KEY', PUBLISH_KEY)
    const { default: application, channelLayer } = await import('./publish-api/application.ts')
    vi.unstubAllEnvs()
    const server = await liveServer(application)
    url = `${server.url}/api/publish`
    close = async () => {
      await server.close()
      await channelLayer.close()
    }
  })
  afterAll(() => close())

  async function run(program: string, script: string): Promise<unknown> {
    const env = { ...process.env, PUBLISH_KEY, PUBLISH_URL: url }
    const { stdout } = await promisify(execFile)(program, [file(script)], { env, timeout: 60_000 })
    return JSON.parse(stdout)
  }

  it('publishes with curl and Python, where an event that both publish is one event', async () => {
    const first = { position: expect.stringMatching(/:1$/), duplicate: false }
    expect(await run('sh', 'publish.sh')).toEqual(first)
    expect(await run(programPath('pythonClients'), 'publish.py')).toEqual([
      { ...first, duplicate: true },
      { position: expect.stringMatching(/:2$/), duplicate: false },
    ])
  })

  it('sets a value by a request that curl sends and openssl signs', async () => {
    expect(await run('sh', 'signed.sh')).toEqual({ changed: true, version: expect.stringMatching(/:1$/) })
  })

  it('publishes with PHP', async () => {
    expect(await run(programPath('php'), 'publish.php')).toMatchObject({ duplicate: false })
  })
})

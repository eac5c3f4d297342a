import { once } from 'node:events'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { request, type IncomingMessage } from 'node:http'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { eventually } from '../server/serving.ts'
import { Command, fixture } from './command.ts'

const hello = fixture('serve/application.ts')

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tideway-cli-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  return folder
}

async function textOver(socketPath: string): Promise<string> {
  const [response] = (await once(request({ socketPath, path: '/a' }).end(), 'response')) as [IncomingMessage]
  return (await response.setEncoding('utf8').toArray()).join('')
}

/** A listening socket, as a parent process passes it on. */
async function listeningDescriptor(): Promise<{ fd: number; port: number; forget: () => void }> {
  const parent = createServer().listen(0, '127.0.0.1')
  await once(parent, 'listening')
  // Node tells the descriptor of a server nowhere else.
  const { ['_handle']: handle } = parent as unknown as { readonly _handle: { readonly fd: number } }
  const { fd } = handle
  return { fd, port: (parent.address() as AddressInfo).port, forget: () => void parent.close() }
}

describe('tideway serve', () => {
  it('listens on an inherited descriptor', async () => {
    const { fd, port, forget } = await listeningDescriptor()
    const command = new Command(['serve', hello, '--fd', '3'], { descriptors: [fd] })
    // From now on the child is the only one who accepts.
    forget()
    expect(await command.url()).toBe(`http://127.0.0.1:${port}`)
    expect(await (await fetch(`http://127.0.0.1:${port}/a`)).text()).toBe('hello from /a')
  })

  it('exits with 1 and a message for a descriptor that cannot listen', async () => {
    const command = new Command(['serve', hello, '--fd', '77'])
    expect(await command.exitCode()).toBe(1)
    expect(command.output).toContain('tideway: Cannot listen on ')
  })

  it('listens on a Unix socket and on several addresses, and prints all', async () => {
    const path = join(await temporaryFolder(), 'a.sock')
    const flags = ['--unix-socket', path, '--unix-socket-mode', '600', '--port', '0', '--listen', '127.0.0.2:0']
    const command = new Command(['serve', hello, ...flags])
    await command.says(/127\.0\.0\.1:\d+\n[^]*127\.0\.0\.2:\d+\n[^]*unix:/)
    expect(await textOver(path)).toBe('hello from /a')
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    command.process.kill('SIGTERM')
    expect(await command.exitCode()).toBe(0)
    await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('exits with 1 and a message for a Unix socket in use', async () => {
    const path = join(await temporaryFolder(), 'a.sock')
    const first = new Command(['serve', hello, '--unix-socket', path])
    await first.url()
    const second = new Command(['serve', hello, '--unix-socket', path])
    expect(await second.exitCode()).toBe(1)
    expect(second.output).toContain(`tideway: A server already listens on ${path}`)
  })

  it('appends an access log to a file', async () => {
    const file = join(await temporaryFolder(), 'access.log')
    const flags = ['--port', '0', '--access-log', file, '--access-log-format', 'json']
    const command = new Command(['serve', hello, ...flags])
    await (await fetch(`${await command.url()}/a?token=abc`)).text()
    await eventually(() => readFile(file, 'utf8')).toMatch(/\n$/)
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({
      type: 'http',
      method: 'GET',
      path: '/a?token=REDACTED',
      status: 200,
      client: '127.0.0.1',
    })
  })

  it('writes an access log to standard output', async () => {
    const command = new Command(['serve', hello, '--port', '0', '--access-log', '-'])
    await (await fetch(`${await command.url()}/a`)).text()
    expect(await command.says(/^127\.0\.0\.1 - - \[.+\] "(.+)" 200 \d+$/m)).toHaveProperty('1', 'GET /a HTTP/1.1')
  })

  it.each([
    ['0', false],
    ['2', true],
  ])('with --verbosity %s logs a handshake without a route in production: %s', async (level, isSaid) => {
    const command = new Command(['serve', fixture('room/application.ts'), '--port', '0', '-v', level], {
      env: { NODE_ENV: 'production' },
    })
    const client = new WebSocket(`${(await command.url()).replace('http', 'ws')}/nowhere`)
    const [, response] = (await once(client, 'unexpected-response')) as [unknown, IncomingMessage]
    expect(response.statusCode).toBe(404)
    client.on('error', () => {}).terminate()
    command.process.kill('SIGTERM')
    await command.exitCode()
    expect(command.output.includes('nowhere')).toBe(isSaid)
  })
})

import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { connect } from 'node:net'
import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { Command, fixture } from '../../cli/command.ts'
import { eventually } from '../serving.ts'

async function isServed(url: string): Promise<boolean> {
  const client = new WebSocket(url)
  const isOpen = await once(client, 'open').then(
    () => true,
    () => false,
  )
  client.on('error', () => {}).close()
  return isOpen
}

// prlimit and /proc exist on Linux only.
describe.runIf(process.platform === 'linux')('a server without descriptors', () => {
  it('logs the cause, keeps its connections, and accepts others when descriptors are free again', async () => {
    const command = new Command(['serve', fixture('room/application.ts'), '--port', '0'])
    const { port, host } = new URL(await command.url())
    const { pid } = command.process
    const first = new WebSocket(`ws://${host}/ws/`)
    await once(first, 'open')
    const used = readdirSync(`/proc/${pid}/fd`).length
    execFileSync('prlimit', ['--pid', String(pid), `--nofile=${used + 4}`])
    const sockets = Array.from({ length: 40 }, () => connect(Number(port), '127.0.0.1').on('error', () => {}))
    await Promise.all(sockets.map((socket) => once(socket, 'connect')))
    // As soon as one is closed or left waiting, no descriptor is free.
    await eventually(() => readdirSync(`/proc/${pid}/fd`).length).toBeGreaterThanOrEqual(used + 4)
    // A connection that libuv closes frees its descriptor briefly: the test opens more until the server has logged the cause.
    const more = setInterval(() => sockets.push(connect(Number(port), '127.0.0.1').on('error', () => {})), 20)
    await command.says(/No file descriptors are left/)
    clearInterval(more)
    const ponged = once(first, 'pong')
    first.ping()
    await ponged
    for (const socket of sockets) socket.destroy()
    // The server notices the closed connections one after the other.
    await eventually(() => isServed(`ws://${host}/ws/`)).toBe(true)
    first.close()
    command.process.kill('SIGTERM')
    expect(await command.exitCode()).toBe(0)
  })
})

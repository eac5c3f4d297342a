import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { Command, fixture } from '../../cli/command.ts'

const CONNECTIONS = 2000

describe('SIGTERM', () => {
  it('closes 2,000 connections with 1012, runs every disconnect, leaves every group, and ends with 0', async () => {
    const command = new Command(['serve', fixture('room/application.ts'), '--port', '0', '--drain-timeout', '60'])
    const url = `${(await command.url()).replace('http', 'ws')}/ws/`
    const clients: WebSocket[] = []
    for (let i = 0; i < CONNECTIONS; i += 100) {
      const some = Array.from({ length: 100 }, () => new WebSocket(url, { perMessageDeflate: false }))
      await Promise.all(some.map((client) => once(client, 'open')))
      clients.push(...some)
    }
    const closes = clients.map(async (client) => {
      const [code, reason] = (await once(client, 'close')) as [number, Buffer]
      return `${code} ${reason.toString()}`
    })
    command.process.kill('SIGTERM')
    expect(new Set(await Promise.all(closes))).toEqual(new Set(['1012 server restart, spread=5000']))
    expect(await command.exitCode()).toBe(0)
    expect(command.output).toContain(`joined ${CONNECTIONS}, disconnects {"1012":${CONNECTIONS}}, groups 0, channels 0`)
  })
})

import { AsyncLocalStorage } from 'node:async_hooks'
import { InMemoryChannelLayer, WebSocketConsumer } from 'tideway'
import type { Application, WebSocketScope } from 'tideway/asgi'
import { WebSocketCommunicator } from 'tideway/testing'
import { describe, expect, it } from 'vitest'
import { gate } from './ending.ts'

const tenant = new AsyncLocalStorage<string>()

describe('a consumer that receives a message from the async context of another consumer', () => {
  const layer = new InMemoryChannelLayer()
  const seen: string[] = []
  const running = gate()
  const end = gate()

  class Member extends WebSocketConsumer<{}, {}> {
    static override disconnectTimeoutMs = 20
    override readonly groups = ['room']
    override async receive({ text }: { text?: string | undefined }) {
      if (text === 'busy') {
        running.open()
        await end.opened
      } else await this.channelLayer.groupSend('room', { type: 'note' })
    }
    onNote() {
      seen.push(`note ${tenant.getStore()}`)
    }
    override async disconnect() {
      await Promise.resolve()
      seen.push(`disconnect ${tenant.getStore()}`)
    }
  }

  /** Middleware that runs what is inside of it for one tenant, as middleware for logs and transactions does. */
  function member(name: string): WebSocketCommunicator {
    const inner = Member.asApplication()
    const application: Application<WebSocketScope> = (scope, receive, send) =>
      tenant.run(name, () => inner(scope as never, receive, send))
    return new WebSocketCommunicator(application, '/', { scope: { channelLayers: { default: layer } } })
  }

  it('handles the message in its own context while idle and while busy, and disconnects in its own context', async () => {
    const [sender, idle, busy] = [member('sender'), member('idle'), member('busy')]
    await Promise.all([sender.connect(), idle.connect(), busy.connect()])
    busy.sendTo('busy')
    await running.opened
    sender.sendTo('')
    await expect.poll(() => seen.length).toBe(2)
    end.open()
    await expect.poll(() => seen.length).toBe(3)
    expect(seen.toSorted()).toEqual(['note busy', 'note idle', 'note sender'])
    seen.length = 0
    await Promise.all([sender.disconnect(), idle.disconnect(), busy.disconnect()])
    expect(seen.toSorted()).toEqual(['disconnect busy', 'disconnect idle', 'disconnect sender'])
  })

  it('handles a message from code outside of consumers in its own context', async () => {
    seen.length = 0
    const idle = member('idle')
    await idle.connect()
    await tenant.run('outside', () => layer.groupSend('room', { type: 'note' }))
    expect(seen).toEqual(['note idle'])
    await idle.disconnect()
  })
})

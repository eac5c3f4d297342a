import { AsyncLocalStorage } from 'node:async_hooks'
import { InMemoryChannelLayer, WebSocketConsumer } from 'tideway'
import type { Application, WebSocketScope } from 'tideway/asgi'
import { WebSocketCommunicator } from 'tideway/testing'
import { describe, expect, it } from 'vitest'
import { setDirectSender } from '../../src/asgi/direct-sender.ts'
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

describe.each(['messages', 'events of a kept group'])('a static handler of %s', (kind) => {
  it('leaves the next one of a member whose send waits to the async context of the member', async () => {
    const layer = new InMemoryChannelLayer()
    const log: string[] = []
    const drained = gate()
    class Member extends WebSocketConsumer<{}, {}> {
      override readonly groups = ['room']
      override async connect() {
        await this.accept()
        await this.follow('kept')
      }
      static onNote({ text }: { text: string }) {
        log.push(`answered in ${tenant.getStore()}`)
        return { text }
      }
      onAsk() {
        log.push(`asked in ${tenant.getStore()}`)
      }
      onReset() {}
    }
    /** A member with a direct sender, as a server gives one. */
    function member(name: string, sent: Promise<void> | void): WebSocketCommunicator {
      const inner = Member.asApplication()
      const application: Application<WebSocketScope> = (scope, receive, send) => {
        const direct: typeof send = (event) => send(event)
        const sendMessage = ({ text }: { text?: string | undefined }): Promise<void> | void => {
          log.push(`${text} to ${name}`)
          return sent
        }
        setDirectSender(direct, { isOpen: true, isFlowing: true, sendMessage })
        return tenant.run(name, () => inner(scope as never, receive, direct))
      }
      return new WebSocketCommunicator(application, '/', { scope: { channelLayers: { default: layer } } })
    }
    const tell = (type: string, text = ''): Promise<unknown> =>
      kind === 'messages'
        ? layer.groupSend('room', { type, text })
        : layer.keptGroups.publish('kept', JSON.stringify({ e: type, d: { text } }), { size: 10 })
    const members = [member('first', undefined), member('slow', drained.opened), member('last', undefined)]
    for (const one of members) await one.connect()
    await new Promise((resolve) => setImmediate(resolve))
    await tenant.run('sender', async () => {
      await tell('note', 'hello')
      await tell('ask')
      await tell('note', 'again')
    })
    const of = (name: string): string[] => log.filter((line) => line.endsWith(name))
    await expect.poll(() => of('last')).toEqual(['hello to last', 'asked in last', 'again to last'])
    const first = ['answered in first', 'hello to first', 'asked in first', 'answered in first', 'again to first']
    expect([of('first'), of('slow')]).toEqual([first, ['hello to slow']])
    drained.open()
    await expect.poll(() => of('slow')).toEqual(['hello to slow', 'asked in slow', 'again to slow'])
    expect(log).toHaveLength(11)
    for (const one of members) await one.disconnect()
    await layer.close()
  })
})

import { InMemoryChannelLayer } from 'tideway'
import { WebSocketCommunicator } from 'tideway/testing'
import { expect, it, onTestFinished } from 'vitest'
import { ChatConsumer, room } from './delivery/chat.ts'
import { deliverOrders, type Order } from './delivery/outbox.ts'

// docs/guides/delivery.md shows these files.

it('shows a chat whose clients miss no message', async () => {
  const layer = new InMemoryChannelLayer()
  onTestFinished(() => layer.close())
  const scope = { channelLayers: { default: layer }, urlRoute: { args: [], kwargs: { roomName: 'lobby' } } }
  const connect = async (): Promise<WebSocketCommunicator> => {
    const client = new WebSocketCommunicator(ChatConsumer.asApplication(), '/', { scope })
    await client.connect()
    return client
  }
  const ann = await connect()
  await ann.sendJsonTo({ type: 'join' })
  const joined = (await ann.receiveJsonFrom()) as { position: string }
  expect(joined).toMatchObject({ type: 'joined', recovered: false })
  await ann.sendJsonTo({ type: 'say', text: 'hello', id: 'a1' })
  await ann.sendJsonTo({ type: 'say', text: 'hello', id: 'a1' })
  const said = (await ann.receiveJsonFrom()) as { position: string }
  expect(said).toMatchObject({ type: 'said', text: 'hello', id: 'a1' })
  await ann.disconnect()

  await room('lobby').publish(layer, 'said', { user: 'bot', text: 'while ann was away' })
  const again = await connect()
  await again.sendJsonTo({ type: 'join', since: said.position })
  expect(await again.receiveJsonFrom()).toMatchObject({ type: 'joined', recovered: true, position: said.position })
  expect(await again.receiveJsonFrom()).toMatchObject({ type: 'said', text: 'while ann was away' })

  await again.sendJsonTo({ type: 'join', since: 'other:1' })
  expect(await again.receiveJsonFrom()).toMatchObject({ type: 'joined', recovered: false, why: 'epoch' })
  for (const text of ['hello', 'while ann was away']) expect(await again.receiveJsonFrom()).toMatchObject({ text })
  await again.disconnect()
})

it('shows an outbox that publishes each row once', async () => {
  const layer = new InMemoryChannelLayer()
  onTestFinished(() => layer.close())
  const rows: (Order & { sent: boolean })[] = [
    { id: 1, text: 'tea', sent: false },
    { id: 2, text: 'cake', sent: false },
  ]
  let failures = 1
  const database = {
    unsentOrders: () => Promise.resolve(rows.filter(({ sent }) => !sent)),
    markSent: (id: number) => {
      if (failures-- > 0) return Promise.reject(new Error('the database is away'))
      rows.find((row) => row.id === id)!.sent = true
      return Promise.resolve()
    },
  }
  await expect(deliverOrders(layer, database)).rejects.toThrow('away')
  await deliverOrders(layer, database)
  const events = await room('orders').history(layer)
  expect(events.map(({ id }) => id)).toEqual(['order-1', 'order-2'])
})

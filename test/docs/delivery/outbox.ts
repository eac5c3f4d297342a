import type { ChannelLayer } from 'tideway'
import { room } from './chat.ts'

export interface Order {
  readonly id: number
  readonly text: string
}

interface Database {
  unsentOrders(): Promise<readonly Order[]>
  markSent(id: number): Promise<void>
}

/** A task that runs after each commit, and every minute for the rows that a crash left. */
export async function deliverOrders(layer: ChannelLayer, database: Database) {
  for (const { id, text } of await database.unsentOrders()) {
    await room('orders').publish(layer, 'said', { user: 'shop', text }, { id: `order-${id}` })
    await database.markSent(id)
  }
}

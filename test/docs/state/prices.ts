import { defineGroup, LiveConsumer } from 'tideway/live'
import { z } from 'zod'

const Price = z.object({ bid: z.number(), ask: z.number() })

export const prices = defineGroup('prices', { state: Price, keep: { maxKeys: 2000 } })

export class DashboardConsumer extends LiveConsumer {
  static override groups = { prices }

  override authorize() {
    return this.scope.user.isAuthenticated
  }
}

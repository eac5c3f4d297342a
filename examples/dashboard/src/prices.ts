import { defineGroup, LiveConsumer } from 'tideway/live'
import { z } from 'zod'

/** The price of a symbol, and its change since the market opened, in percent. */
const Price = z.object({ price: z.number().positive(), change: z.number() })

export const prices = defineGroup('prices', { state: Price })

/** Prices are public, and pages only read them. */
export class DashboardConsumer extends LiveConsumer<{}, {}> {
  static override groups = { prices }

  override authorize(): boolean {
    return true
  }
}

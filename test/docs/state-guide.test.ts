import { InMemoryChannelLayer } from 'tideway'
import { expect, it, onTestFinished } from 'vitest'
import { DashboardConsumer, prices } from './state/prices.ts'

// docs/guides/state.md shows this file.
it('the prices of the guide have a newest value per symbol', async () => {
  const layer = new InMemoryChannelLayer()
  onTestFinished(() => layer.close())
  await prices('eur').set(layer, 'EURUSD', { bid: 1.1, ask: 1.2 })
  const { version } = await prices('eur').set(layer, 'EURUSD', { bid: 1.2, ask: 1.3 })
  expect(await prices('eur').values(layer)).toEqual(new Map([['EURUSD', { value: { bid: 1.2, ask: 1.3 }, version }]]))
  expect(prices.keep.maxKeys).toBe(2000)
  expect(DashboardConsumer.groups).toEqual({ prices })
})

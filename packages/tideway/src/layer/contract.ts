/**
 * The specification of channel layers as a test suite.
 * @module tideway/layer/contract
 */

import type { ChannelLayerOptions } from './base-channel-layer.ts'
import type { ChannelLayer } from './channel-layer.ts'
import { capacityTests } from './contract/capacity.ts'
import { channelTests } from './contract/channels.ts'
import type { ContractChapter, ContractContext } from './contract/contract-test.ts'
import { crossingGeneralTests } from './contract/crossing-general.ts'
import { crossingTests } from './contract/crossing.ts'
import { expiryTests } from './contract/expiry.ts'
import { defineTests, type ContractRunner, type ContractSkip } from './contract/define-tests.ts'
import { groupTests } from './contract/groups.ts'
import { lifecycleTests } from './contract/lifecycle.ts'
import { messageTests } from './contract/messages.ts'
import { nameTests } from './contract/names.ts'

export type { ContractRunner, ContractSkip } from './contract/define-tests.ts'
export { describeEventLog, type EventLogContractOptions } from './contract/logs.ts'
export { describePresenceStore, type LogWithPresence, type PresenceContractOptions } from './contract/presences.ts'

/** Options of {@link describeChannelLayer}. */
export interface ContractOptions<Layer extends ChannelLayer = ChannelLayer> {
  /** The `describe` and `it` of the test runner in use. */
  readonly runner: ContractRunner
  /**
   * Makes a second layer on the engine of the given one, like another process. Enables the tests that cross processes.
   * @default none: the layer is local
   */
  readonly makePeer?: ((layer: Layer, options: ChannelLayerOptions) => Layer | Promise<Layer>) | undefined
  /** @default none */
  readonly skip?: readonly ContractSkip[] | undefined
  /** The `expiry` and `groupExpiry` of the tests of expiry, in seconds: as short as the layer supports. @default 0.1 */
  readonly expiry?: number | undefined
}

const chapters: Readonly<Record<string, ContractChapter>> = {
  names: nameTests,
  messages: messageTests,
  channels: channelTests,
  capacity: capacityTests,
  groups: groupTests,
  expiry: expiryTests,
  'its life': lifecycleTests,
}

const crossingChapters: Readonly<Record<string, ContractChapter>> = {
  'crossing processes': crossingTests,
  'general channels across processes': crossingGeneralTests,
}

/**
 * Defines the tests of the channel layer specification (`docs/spec/channel-layer.md`) for a layer.
 * @param makeLayer makes a layer that shares nothing with the layers of other calls, for example by its own prefix on an engine.
 *   Every layer is closed after its test.
 * @throws TidewayError if `skip` names a test that does not exist
 * @example
 * describeChannelLayer('MyLayer', (options) => new MyLayer(options), { runner: { describe, it } })
 */
export function describeChannelLayer<Layer extends ChannelLayer>(
  name: string,
  makeLayer: (options: ChannelLayerOptions) => Layer | Promise<Layer>,
  options: ContractOptions<Layer>,
): void {
  const all = options.makePeer === undefined ? chapters : { ...chapters, ...crossingChapters }
  defineTests(name, all, options, (test) => runTest(test, makeLayer, options))
}

async function runTest<Layer extends ChannelLayer>(
  run: (context: ContractContext) => Promise<void>,
  makeLayer: (options: ChannelLayerOptions) => Layer | Promise<Layer>,
  { makePeer, expiry = 0.1 }: ContractOptions<Layer>,
): Promise<void> {
  const made: ChannelLayer[] = []
  const keep = <One extends ChannelLayer>(layer: One): One => {
    made.push(layer)
    return layer
  }
  try {
    await run({
      expiry,
      makeLayer: async (options = {}) => keep(await makeLayer(options)),
      makePeer: async (layer, options = {}) => keep(await makePeer!(layer as Layer, options)),
    })
  } finally {
    for (const layer of made.toReversed()) await layer.close()
  }
}

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, it } from 'vitest'
import type { ChannelLayerOptions } from 'tideway/layer'
import { ClusterChannelLayer } from 'tideway/layer/cluster'
import {
  describeChannelLayer,
  describeEventLog,
  describePresenceStore,
  type LogWithPresence,
} from 'tideway/layer/contract'

/** A layer that shows its log. */
class OpenLayer extends ClusterChannelLayer {
  readonly directory: string

  constructor(directory: string, options: ChannelLayerOptions = {}) {
    super({ ...options, directory })
    this.directory = directory
    // A receiver throws in one test.
    this.on('receiverFailed', () => {})
  }

  get log(): LogWithPresence {
    return this.engine.log
  }
}

let folder = ''
let count = 0
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tideway-test-'))
})
afterAll(() => rm(folder, { recursive: true }))

const nextDirectory = (): string => join(folder, String(count++))

async function make(directory: string, options: ChannelLayerOptions): Promise<OpenLayer> {
  const layer = new OpenLayer(directory, options)
  await layer.ready()
  return layer
}

describeChannelLayer('ClusterChannelLayer', (options) => make(nextDirectory(), options), {
  runner: { describe, it },
  makePeer: (layer, options) => make(layer.directory, options),
})

const layers = new WeakMap<LogWithPresence, OpenLayer>()

function makeLog(directory: string = nextDirectory()): LogWithPresence {
  const layer = new OpenLayer(directory)
  layers.set(layer.log, layer)
  return layer.log
}

const close = (log: LogWithPresence): Promise<void> => layers.get(log)!.close()

describeEventLog('the log of ClusterChannelLayer', makeLog, {
  runner: { describe, it },
  makePeer: (log) => makeLog(layers.get(log)!.directory),
  close,
})

describePresenceStore('the presence of ClusterChannelLayer', makeLog, { runner: { describe, it }, close })

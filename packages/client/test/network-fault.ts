import type { FaultProxy } from 'tideway/testing'

/** What a scenario can have done to the network. */
export type NetworkFault = 'cut' | 'reset' | 'stall' | 'half-open' | 'refuse' | 'heal'

export function disturb(proxy: FaultProxy, fault: NetworkFault): void {
  switch (fault) {
    case 'cut':
      proxy.cut()
      break
    case 'reset':
      proxy.reset()
      break
    case 'stall':
      proxy.stall()
      break
    case 'half-open':
      proxy.halfOpen()
      break
    case 'refuse':
      proxy.refuse()
      break
    case 'heal':
      proxy.heal()
  }
}

import { createEmitter } from '../emitter.ts'
import type { FamilyName, LiveConsumerClass, ValueOf } from './consumer-types.ts'
import type { GroupView } from './group-store.ts'
import type { LiveClient } from './live-client.ts'
import type { LiveState } from './live-group.ts'

/** What a component shows of a group with values. Every change creates a new object and a new map. */
export interface ValuesView<Value = unknown> extends Pick<GroupView, 'state' | 'left'> {
  readonly values: ReadonlyMap<string, Value>
}

/** The values of a group with subscribers: the contract of Svelte's stores, and of React's `useSyncExternalStore`. */
export interface ValueStore<Value> {
  /**
   * Calls the listener now and at each change, once for all changes of one task. Returns a function that ends it. The first
   * subscriber joins the group, and the last one leaves it.
   */
  subscribe(listener: (view: ValuesView<Value>) => void): () => void
  /** Returns the view, the same object until the next change. */
  get(): ValuesView<Value>
}

/** The values of a family of groups. */
export type ValuesOf<Consumer extends LiveConsumerClass, Family extends FamilyName<Consumer>> = ValueOf<
  Consumer['groups'][Family]
>

/** The view before the join. */
export const emptyValues: ValuesView<never> = { values: new Map<string, never>(), state: 'joining', left: undefined }

/**
 * Creates a store of a group with values. Has no effect until the first `subscribe`.
 * @example
 * const unsubscribe = valueStore(client, 'prices', 'eur').subscribe(({ values }) => render(values))
 */
export function valueStore<Consumer extends LiveConsumerClass, Family extends FamilyName<Consumer>>(
  client: LiveClient<Consumer>,
  family: Family,
  id: string | number,
): ValueStore<ValuesOf<Consumer, Family>> {
  type View = ValuesView<ValuesOf<Consumer, Family>>
  const { on, emit } = createEmitter<{ change: View }>()
  let view: View = emptyValues
  let group: LiveState<ValuesOf<Consumer, Family>> | undefined
  let left: View['left']
  let subscribers = 0
  let isChanged = false

  const change = (): void => {
    if (isChanged) return
    isChanged = true
    queueMicrotask(() => {
      isChanged = false
      if (!group) return
      view = { values: new Map(group.values), state: group.state, left }
      emit('change', view)
    })
  }

  const join = (): void => {
    view = emptyValues
    left = undefined
    if (client.state.status === 'closed') {
      view = { ...emptyValues, state: 'left' }
      emit('change', view)
      return
    }
    // The compiler does not know that the family has values.
    const joined = client.join(family, id) as unknown as LiveState<ValuesOf<Consumer, Family>>
    group = joined
    joined.on('value', change)
    joined.on('state', change)
    joined.on('left', (why) => {
      left = why
      change()
    })
    emit('change', view)
  }

  return {
    get: () => view,
    subscribe(listener) {
      const off = on('change', listener)
      let isSubscribed = true
      if (++subscribers === 1) join()
      else listener(view)
      return () => {
        off()
        if (isSubscribed && --subscribers === 0) {
          group?.leave()
          group = undefined
        }
        isSubscribed = false
      }
    },
  }
}

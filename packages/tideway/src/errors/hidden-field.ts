/** A field of objects that belong to others. */
export interface HiddenField<Owner extends object, Value> {
  /** `undefined` for an owner without a value, and for anything else. */
  get(owner: unknown): Value | undefined
  set(owner: Owner, value: Value): void
}

/** Constructs the object that it is given, so that a subclass defines its private fields there. */
// oxlint-disable-next-line typescript/no-extraneous-class -- only a class can be extended
class Given {
  constructor(owner: object) {
    return owner
  }
}

/**
 * Returns a field that only its user sees, and that neither a proxy nor a copy of the owner has, as in a `WeakMap`. For owners that
 * come by the thousands: the collector of young objects visits all entries of a `WeakMap`. Three of them for each connection took a
 * tenth of a handshake, one for each request a third of a small request, and two for each message a sixth of a delivery to a
 * group of two (Node 20 and 22).
 */
export function hiddenField<Owner extends object, Value>(): HiddenField<Owner, Value> {
  return class Field extends Given {
    #value: Value | undefined
    /** The values of frozen owners, where V8 refuses a new private field: it has a flag for that, which is off in Node 26. */
    static #ofFrozen: WeakMap<object, Value> | undefined

    static get(owner: unknown): Value | undefined {
      if (!isObject(owner)) return undefined
      return #value in owner ? owner.#value : this.#ofFrozen?.get(owner)
    }

    static set(owner: Owner, value: Value): void {
      try {
        const field = #value in owner ? owner : new Field(owner)
        field.#value = value
      } catch {
        this.#ofFrozen ??= new WeakMap()
        this.#ofFrozen.set(owner, value)
      }
    }
  }
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}

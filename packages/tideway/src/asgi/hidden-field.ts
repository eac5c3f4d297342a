/** A field of objects that belong to others. */
export interface HiddenField<Owner extends object, Value> {
  /** `undefined` for an owner without a value. */
  get(owner: Owner): Value | undefined
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
 * Returns a field that only its user sees, and that neither a proxy nor a copy of the owner has, as in a `WeakMap`. For owners of
 * which each connection has one: the collector of young objects visits all entries of a `WeakMap`, and the three of a connection
 * took a tenth of a handshake (Node 20 and 22).
 */
export function hiddenField<Owner extends object, Value>(): HiddenField<Owner, Value> {
  return class Field extends Given {
    #value: Value | undefined

    static get(owner: object): Value | undefined {
      return #value in owner ? owner.#value : undefined
    }

    static set(owner: Owner, value: Value): void {
      const field = #value in owner ? owner : new Field(owner)
      field.#value = value
    }
  }
}

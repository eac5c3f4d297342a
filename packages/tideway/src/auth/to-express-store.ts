import type { SessionStore } from './session-store.ts'

/**
 * Returns a store for express-session that calls a store of tideway. express-session also needs the methods of its base class, which
 * create the session of a request and report lost connections.
 * @param Store the base class: `session.Store` of express-session
 * @param store the same object that `storeSessions` has, so that both sides have the same sessions
 * @example
 * const store = new MemorySessionStore()
 * app.use(session({ store: toExpressStore(session.Store, store), secret, resave: false, saveUninitialized: false }))
 */
export function toExpressStore<Base extends object>(
  Store: abstract new (...options: never[]) => Base,
  store: SessionStore,
): Base {
  const { touch } = store
  const calls: SessionStore = {
    get: (id, done) => store.get(id, done),
    set: (id, session, done) => store.set(id, session, done),
    destroy: (id, done) => store.destroy(id, done),
    // express-session checks whether the store has the method.
    ...(touch === undefined ? {} : { touch: (id, session, done) => touch.call(store, id, session, done) }),
  }
  return Object.assign(Reflect.construct(Store, []) as Base, calls)
}

/** The part of `sessionStorage` that the client uses. */
type SessionStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>

/** Calls `use` with the storage of the tab. A page without storage, or with a full one, keeps its positions in memory. */
function withStorage<T>(use: (storage: SessionStorage) => T): T | undefined {
  try {
    return use(sessionStorage)
  } catch {
    return undefined
  }
}

/** Returns the position under the key. */
export function storedPosition(key: string): string | undefined {
  return withStorage((storage) => storage.getItem(key)) ?? undefined
}

/** Replaces the position under the key, or removes it. */
export function storePosition(key: string, position: string | undefined): void {
  withStorage((storage) => (position === undefined ? storage.removeItem(key) : storage.setItem(key, position)))
}

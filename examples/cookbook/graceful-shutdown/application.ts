import { allowedHostsOriginValidator, defineApplication, fetchHandler, JsonWebSocketConsumer } from 'tideway'
import { lifespanHooks, path, urlRouter } from 'tideway'
import { page } from '../site.ts'

/** Stands in for the client of your database. */
export const database = {
  isOpen: false,
  drafts: [] as string[],
  async save(draft: string) {
    if (!database.isOpen) throw new Error('The database is closed.')
    database.drafts.push(draft)
  },
}

class DraftConsumer extends JsonWebSocketConsumer<object, object> {
  #draft = ''

  override receiveJson(content: unknown) {
    if (typeof content === 'string') this.#draft = content
  }

  // Runs once for each connection, also at a shutdown: then `code` is 1012.
  override async disconnect(_code: number) {
    if (this.#draft !== '') await database.save(this.#draft)
  }
}

export default defineApplication({
  groups: false,
  lifespan: lifespanHooks({
    startup() {
      database.isOpen = true
    },
    shutdown() {
      database.isOpen = false // after the last disconnect()
    },
  }),
  http: fetchHandler(() => page(import.meta.dirname)),
  websocket: allowedHostsOriginValidator(urlRouter([path('ws/', DraftConsumer.asApplication())])),
})

import type { Application, WebSocketScope } from 'tideway'

/** A room and how many connections are in it: somebody with two tabs counts twice. */
export interface OpenRoom {
  readonly name: string
  readonly people: number
}

const ROOM_PATH = /^\/ws\/chat\/(\w+)\/$/

/** Which rooms somebody is in, as far as this process knows. */
export class OpenRooms {
  readonly #people = new Map<string, number>()

  /** The fullest room first. */
  list(): OpenRoom[] {
    return [...this.#people]
      .map(([name, people]) => ({ name, people }))
      .sort((a, b) => b.people - a.people || (a.name < b.name ? -1 : 1))
  }

  /** Middleware: counts each connection to a room from its accept to its end. */
  counting<S extends WebSocketScope>(inner: Application<S>): Application<S> {
    return async (scope, receive, send) => {
      const room = ROOM_PATH.exec(scope.path)?.[1]
      if (room === undefined) return inner(scope, receive, send)
      let isIn = false
      try {
        await inner(scope, receive, (event) => {
          if (event.type === 'websocket.accept' && !isIn) {
            isIn = true
            this.#count(room, 1)
          }
          return send(event)
        })
      } finally {
        if (isIn) this.#count(room, -1)
      }
    }
  }

  #count(room: string, change: 1 | -1): void {
    const people = (this.#people.get(room) ?? 0) + change
    if (people > 0) this.#people.set(room, people)
    else this.#people.delete(room)
  }
}

import type { Message } from '../rooms.ts'

/** A message of the harness to a server process. */
export type ServerOrder = { readonly do: 'publish'; readonly message: Message } | { readonly do: 'usage' }

/** The answer of a server process. The first one has its port. */
export type ServerAnswer =
  | { readonly port: number }
  | { readonly published: number }
  | { readonly cpuMicroseconds: number }
  | { readonly failed: string }

/** Carries out the orders of the harness, and sends it the port. */
export function obey(port: number, publish: (message: Message) => unknown): void {
  const answer = (id: number, content: ServerAnswer): void => void process.send!({ id, ...content })
  process.on('message', (order: ServerOrder & { readonly id: number }) => {
    if (order.do === 'usage') {
      const { user, system } = process.cpuUsage()
      answer(order.id, { cpuMicroseconds: user + system })
      return
    }
    const { n } = order.message
    void (async () => publish(order.message))().then(
      () => answer(order.id, { published: n }),
      (error: Error) => answer(order.id, { failed: error.message }),
    )
  })
  process.once('disconnect', () => process.exit(0))
  answer(0, { port })
}

import { connect, describeState } from '@tideway/client'
import type { FromClient, FromServer } from './messages.ts'

export async function talk(url: string, show: (line: string) => void): Promise<() => void> {
  const socket = connect<FromClient, FromServer>(`${url}/rooms/lobby/`)
  socket.on('message', (event) => event.type === 'said' && show(event.message))
  socket.on('reconnecting', (state) => show(describeState(state)))
  const { number } = await socket.request<{ number: number }>({ type: 'say', message: 'hello' }, { timeoutMs: 5_000 })
  show(`number ${number}`)
  return () => socket.close()
}

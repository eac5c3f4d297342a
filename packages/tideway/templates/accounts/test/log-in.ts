import { HttpCommunicator } from 'tideway/testing'
import application from '../src/application.ts'

process.env['CHAT_PASSWORD'] = 'of the tests'

/** Logs in, and returns the headers of a handshake. A browser sends the origin of the page too. */
export async function logIn(name: string, password = 'of the tests'): Promise<Record<string, string>> {
  const request = new HttpCommunicator(application, 'POST', '/login', {
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ name, password }),
  })
  const response = await request.getResponse()
  if (response.status >= 400) throw new Error(response.text)
  // @if session
  const cookie = response.headers.get('set-cookie') ?? ''
  return { Origin: 'http://localhost', Cookie: cookie.split(';')[0]! }
  // @if token
  const { token } = JSON.parse(response.text) as { readonly token: string }
  return { Origin: 'http://localhost', Authorization: `Bearer ${token}` }
  // @end
}

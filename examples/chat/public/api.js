// What the page asks of the HTTP side.

const TIMEOUT_MS = 8000

/** @typedef {{ readonly name: string, readonly people: number }} Room */

/** The server has understood and said no: the message is for the person at the keyboard. */
export class RefusedError extends Error {}

/**
 * The rooms that somebody is in.
 *
 * @returns {Promise<readonly Room[]>}
 */
export async function openRooms() {
  return (await ask('GET', '/api/rooms')).rooms
}

/** What the server knows of the visitor. @typedef {{ readonly name: string, readonly hasAccount?: boolean }} Visitor */

/**
 * What the server calls this visitor; `""` for a guest.
 *
 * @returns {Promise<Visitor>}
 */
export function whoAmI() {
  return ask('GET', '/api/me')
}

/**
 * Tells the server what to call this guest, and returns the name as it took it. Throws a {@link RefusedError} on a name
 * that it does not take.
 *
 * @param {string} name `""` to be a guest without a name
 * @returns {Promise<Visitor>}
 */
export function callMe(name) {
  return ask('PUT', '/api/me', { name })
}

/**
 * Makes an account, and logs in. Throws a {@link RefusedError}.
 *
 * @param {string} name @param {string} password
 * @returns {Promise<Visitor>}
 */
export function signUp(name, password) {
  return ask('POST', '/api/me/account', { name, password })
}

/**
 * Throws a {@link RefusedError}.
 *
 * @param {string} name @param {string} password
 * @returns {Promise<Visitor>}
 */
export function logIn(name, password) {
  return ask('POST', '/api/me/login', { name, password })
}

/** Everywhere: the server closes every connection of this person. */
export function logOut() {
  return ask('POST', '/api/me/logout', {})
}

/** @param {string} method @param {string} path @param {object} [body] */
async function ask(method, path, body) {
  const response = await fetch(path, {
    method,
    ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  })
  const answer = await response.json()
  if ([422, 429, 503].includes(response.status) && answer.error) throw new RefusedError(answer.error)
  if (!response.ok) throw new Error(`${method} ${path} was answered with ${response.status}.`)
  return answer
}

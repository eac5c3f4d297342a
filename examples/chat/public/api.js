// The requests of the page to the HTTP side.

import { t } from './words.js'

const TIMEOUT_MS = 8000

/** A room, with the number of its newest message. @typedef {{ readonly name: string, readonly people: number, readonly newest: number }} Room */

/** The server refused a request. The message is for the visitor. */
export class RefusedError extends Error {}

/**
 * Returns the rooms that are open, and of the recent ones also those without people.
 *
 * @param {readonly string[]} recent
 * @returns {Promise<readonly Room[]>}
 */
export async function openRooms(recent) {
  return (await ask('GET', `/api/rooms?${new URLSearchParams(recent.map((name) => ['recent', name]))}`)).rooms
}

/** The visitor. @typedef {{ readonly name: string, readonly hasAccount?: boolean }} Visitor */

/**
 * Returns the name of this visitor; `""` for a guest.
 *
 * @returns {Promise<Visitor>}
 */
export function whoAmI() {
  return ask('GET', '/api/me')
}

/**
 * Sets the name of this guest, and returns the stored name. Throws a {@link RefusedError} if the name is not allowed.
 *
 * @param {string} name `""` to be a guest without a name
 * @returns {Promise<Visitor>}
 */
export function callMe(name) {
  return ask('PUT', '/api/me', { name })
}

/**
 * Creates an account and logs in. Throws a {@link RefusedError}.
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

/** Logs out on all devices: the server closes every connection of this person. */
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
  if ([422, 429, 503].includes(response.status) && answer.error) throw new RefusedError(t(answer.error))
  if (!response.ok) throw new Error(`${method} ${path} was answered with ${response.status}.`)
  return answer
}

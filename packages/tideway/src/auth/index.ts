/**
 * Authentication: cookies, sessions, users, tokens, tickets.
 * @module tideway/auth
 */

export { authExpiry, type AuthExpiryOptions } from './auth-expiry.ts'
export { connectProxy, type ConnectProxyOptions, type WithProxiedUser, type ProxiedUser } from './connect-proxy.ts'
export { authMiddleware, type AuthMiddlewareOptions } from './auth-middleware.ts'
export { cookieMiddleware, readCookies, type Cookies, type WithCookies } from './cookies.ts'
export { getUser, login, logout, type LoginScope } from './login.ts'
export { MemorySessionStore, type MemorySessionStoreOptions } from './memory-session-store.ts'
export type { ClientScope, OuterScope } from './define-middleware.ts'
export type { SessionCookieOptions } from './session-cookie-options.ts'
export { SessionGoneError } from './session-gone-error.ts'
export { passportIdentity, sessionIdentity, type SessionUser, type SessionIdentity } from './session-identity.ts'
export { sessionMiddleware, type SessionMiddlewareOptions, type WithSession } from './session-middleware.ts'
export type { SessionStore, StoredCookie, StoredSession } from './session-store.ts'
export { Session } from './session.ts'
export type {
  LoadedSession,
  SessionCookie,
  SessionData,
  SessionBackend,
  SessionWrite,
  WrittenSession,
} from './session-backend.ts'
export {
  deleteCookie,
  setCookie,
  type CookieAttributes,
  type CookiePriority,
  type ResponseStartEvent,
  type SameSite,
} from './set-cookie.ts'
export { signedCookieSessions, type SignedCookieSessionsOptions } from './signed-cookie-sessions.ts'
export {
  authMiddlewareStack,
  sessionMiddlewareStack,
  type AuthStackOptions,
  type SessionStackOptions,
} from './stacks.ts'
export { storeSessions, type StoreSessionsOptions } from './store-sessions.ts'
export { toExpressStore } from './to-express-store.ts'
export type { UserStore, WithUser } from './user-store.ts'
export { firstMessageTokenMiddleware, type FirstMessageTokenOptions } from './first-message.ts'
export {
  jwtVerifier,
  type JwksJwtOptions,
  type JwtVerifierOptions,
  type PublicKeyJwtOptions,
  type SharedSecretJwtOptions,
} from './jwt-verifier.ts'
export { Tickets, type TicketsOptions, type TicketStore } from './tickets.ts'
export { tokenMiddleware, type TokenMiddlewareOptions, type WithToken } from './token-middleware.ts'
export type { TokenSource } from './token-sources.ts'
export { InvalidTokenError, type TokenVerifier, type VerifiedToken } from './token.ts'
export {
  djangoIdentity,
  djangoSessionHash,
  djangoSessions,
  type DjangoSessionsOptions,
  type DjangoSessionTable,
} from './django-sessions.ts'
export { Revocations, type RevocationLayer } from './revocations.ts'

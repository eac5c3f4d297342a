import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { redactQuery, redactTarget } from '../../src/asgi/redact-query.ts'
import { byteText } from '../auth/arbitrary-text.ts'

test.each([
  ['', ''],
  ['room=lobby', 'room=lobby'],
  ['token=abc', 'token=REDACTED'],
  ['room=a&token=abc&x=1', 'room=a&token=REDACTED&x=1'],
  ['TOKEN=abc&Access_Token=d', 'TOKEN=REDACTED&Access_Token=REDACTED'],
  ['%74oken=abc', '%74oken=REDACTED'],
  ['+token=abc', '+token=REDACTED'],
  ['token=a=b', 'token=REDACTED'],
  ...[
    'auth_token',
    'authToken',
    'access-token',
    'accessToken',
    'api-key',
    'API_KEY',
    'bearer',
    'pwd',
    'otp',
    'client_secret',
    'X-Amz-Signature',
    'X-Amz-Security-Token',
    'reset',
    'token[]',
    'token%5B%5D',
    'token[0]',
    'user[password]',
    'user.password',
    'csrf_token',
    'ws_token',
    'session-id',
  ].map((name) => [`a=1&${name}=abc`, `a=1&${name}=REDACTED`]),
  ['token', 'token'],
  ['tokens=3&tokenise=1&passenger=2&keyboard=4', 'tokens=3&tokenise=1&passenger=2&keyboard=4'],
  ['tokens=3', 'tokens=3'],
  ['=abc', '=abc'],
  ['%zz=1&ticket=x', '%zz=1&ticket=REDACTED'],
])('redacts %j as %j', (query, logged) => {
  expect(redactQuery(query)).toBe(logged)
})

test('redacts other given names in any spelling', () => {
  expect(redactQuery('wrist_band=1&token=2&a=3', ['wristBand'])).toBe('wrist_band=REDACTED&token=REDACTED&a=3')
})

test.each([
  ['/a', '/a'],
  ['/a?token=b?c', '/a?token=REDACTED'],
  ['/a@b?c=d', '/a@b?c=d'],
  ['http://user:pass@host/a?b=c&jwt=d', 'http://REDACTED@host/a?b=c&jwt=REDACTED'],
  ['http://host/a@b', 'http://host/a@b'],
])('redacts the target %j as %j', (target, logged) => {
  expect(redactTarget(target)).toBe(logged)
})

test('never throws, and removes every token that URLSearchParams reads', () => {
  const secret = 'Secr3tOfThisTest'
  fc.assert(
    fc.property(byteText, byteText, (before, after) => {
      expect(redactQuery(`${before}&token=${secret}&${after}`)).not.toContain(secret)
    }),
  )
})

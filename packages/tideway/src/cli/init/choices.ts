/** The values of each choice of a new application; the first one is the default. */
export const choiceValues = {
  /** The web framework of the HTTP side. */
  framework: ['express', 'fastify', 'hono', 'koa', 'nestjs', 'none'],
  /** The page: without a build, typed and with no lost message, the same with React, or no page. */
  client: ['vanilla', 'live', 'react', 'none'],
  /** How users log in: not, with a session in a cookie, or with a token. */
  auth: ['none', 'session', 'token'],
} as const

/** The choices of a new application. */
export interface Choices {
  readonly framework: (typeof choiceValues.framework)[number]
  readonly client: (typeof choiceValues.client)[number]
  readonly auth: (typeof choiceValues.auth)[number]
  /** Whether the channel layer is on Redis. */
  readonly redis: boolean
}

/** What an application is without a flag or an answer. */
export const defaultChoices: Choices = { framework: 'express', client: 'vanilla', auth: 'none', redis: false }

/** A name for a framework and a client. */
export type Template = 'express' | 'hono' | 'live'

/** The framework and the client of each template. */
export const templates: Readonly<Record<Template, Pick<Choices, 'framework' | 'client'>>> = {
  express: { framework: 'express', client: 'vanilla' },
  hono: { framework: 'hono', client: 'vanilla' },
  live: { framework: 'express', client: 'live' },
}

/** What the files of a new application depend on: a word for each choice and for what follows from it. */
export function wordsOf({ framework, client, auth, redis }: Choices): ReadonlySet<string> {
  const hasBundle = client === 'live' || client === 'react'
  const words = [
    framework,
    client === 'none' ? 'no-page' : 'page',
    // Both use a live consumer.
    hasBundle ? 'live' : 'chat',
    auth === 'none' ? 'guests' : 'accounts',
    ...(client === 'live' ? ['typed'] : client === 'none' ? [] : [client]),
    ...(hasBundle ? ['bundle'] : []),
    ...(hasBundle && auth !== 'none' ? ['members'] : []),
    ...(auth === 'none' ? [] : [auth]),
    ...(redis ? ['redis'] : []),
  ]
  return new Set(words)
}

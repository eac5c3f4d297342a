import { Server } from 'node:net'

/** A value that modules export in place of an application. */
interface Mistake {
  readonly name: string
  readonly is: (value: object) => boolean
  /** What the module should do. */
  readonly advice: string
}

const mistakes: readonly Mistake[] = [
  { name: 'a promise', is: (value) => value instanceof Promise, advice: 'Write "export default await …".' },
  {
    name: 'a server',
    is: (value) => value instanceof Server,
    advice: 'Export an application, or call attach(server, application) and start the file with "node".',
  },
  {
    name: 'an Express application',
    is: (value) => typeof value === 'function' && hasMethods(value, 'handle', 'use', 'listen'),
    advice: http('nodeListener(app)'),
  },
  {
    name: 'a Koa application',
    is: (value) => hasMethods(value, 'callback', 'use', 'listen'),
    advice: http('nodeListener(app.callback())'),
  },
  {
    name: 'a NestJS application',
    is: (value) => hasMethods(value, 'getHttpAdapter', 'init'),
    advice: `Call "await app.init()". ${http('nodeListener(app.getHttpAdapter().getInstance())')}`,
  },
  {
    name: 'a Fastify application',
    is: (value) => hasMethods(value, 'inject', 'register', 'routing'),
    advice: `Call "await app.ready()". ${http('nodeListener(app.routing)')}`,
  },
  {
    name: 'a Hono application',
    is: (value) => hasMethods(value, 'fetch', 'request', 'route'),
    advice: http('fetchHandler(app.fetch)'),
  },
  {
    name: 'an object with a fetch function',
    is: (value) => hasMethods(value, 'fetch'),
    advice: http('fetchHandler((request) => app.fetch(request))'),
  },
  {
    name: 'a consumer class',
    is: (value) => hasMethods(value, 'asApplication'),
    advice: `Write "export default defineApplication({ websocket: urlRouter([path('ws/', ChatConsumer.asApplication())]) })".`,
  },
  // The parameters of an application are the scope, receive and send.
  {
    name: 'a listener of HTTP requests',
    is: (value) => /^_?req(uest)?,_?(res|reply)/.test(parametersOf(value)),
    advice: http('nodeListener(listener)'),
  },
  {
    name: 'a handler of HTTP requests',
    is: (value) => /^_?req(uest)?$/.test(parametersOf(value)),
    advice: http('fetchHandler(handler)'),
  },
]

/**
 * Returns one sentence that names the wrong default export of a module, and one with the line to write. Returns `undefined` if
 * the value may be an application, or is unknown.
 */
export function describeWrongExport(exported: unknown): string | undefined {
  if (exported === null || (typeof exported !== 'object' && typeof exported !== 'function')) return undefined
  const found = mistakes.find(({ is }) => is(exported))
  return found && `The default export is ${found.name}. ${found.advice}`
}

function http(application: string): string {
  return `Write "export default defineApplication({ http: ${application} })".`
}

function hasMethods(value: object, ...names: readonly string[]): boolean {
  return names.every((name) => typeof Reflect.get(value, name) === 'function')
}

/** The parameters of a function as its source names them: `request,response`. */
function parametersOf(value: object): string {
  if (typeof value !== 'function') return ''
  const source = Function.prototype.toString.call(value).replace(/^async\b/, '')
  const [, inBrackets, single] = /^[^(=]*\(([^)]*)\)|^\s*(\w+)\s*=>/.exec(source) ?? []
  return (inBrackets ?? single ?? '').replaceAll(/\s/g, '')
}

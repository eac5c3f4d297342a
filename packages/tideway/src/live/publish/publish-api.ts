import type { Application, Receive, Send } from '../../asgi/application.ts'
import { guarded } from '../../asgi/guarded.ts'
import type { HttpReceiveEvent, HttpSendEvent } from '../../asgi/http-events.ts'
import type { HttpScope } from '../../asgi/scope.ts'
import { consoleLogger, type Logger } from '../../asgi/logger.ts'
import { keptGroupsOf } from '../../consumer/kept-groups-of.ts'
import type { ChannelLayer } from '../../layer/channel-layer.ts'
import { KeyRing, type RingKey } from './key-ring.ts'
import { openApiDocument } from './open-api-document.ts'
import { ItemPublisher } from './publish-item.ts'
import { resolvePublishOptions, type PublishApiOptions } from './publish-options.ts'
import { Refusal, refusalOf } from './refusal.ts'
import { batchReply, replyOf, singleReply, type Reply } from './reply.ts'
import { parseJson, readBounded, requireJsonHeaders } from './request-body.ts'
import { SignedOnce } from './signed-once.ts'

/**
 * Makes an HTTP application with which other programs publish: to kept groups, to state groups, and to plain groups if `plainGroups` names
 * them. `POST` publishes one item, a JSON object, or a batch, an array of them. `GET` answers with the OpenAPI 3.1 document. Each request
 * needs a Bearer key or a signature. `docs/guides/publish-api.md` describes the requests and their answers.
 *
 * An item of a kept group resolves with its position. The same `id` again within 5 minutes is the same event. A signed request that is
 * repeated while its signature is valid publishes nothing, and gets the answer of the first one.
 * @example path('api/publish', publishApi(layer, { groups: { room }, keys: { billing: process.env.BILLING_KEY! } }))
 * @throws TidewayError `ERR_BAD_OPTION` for an option out of its range, `ERR_NO_KEPT_GROUPS` if the layer has none
 */
export function publishApi(layer: ChannelLayer, options: PublishApiOptions): Application<HttpScope> {
  const settings = resolvePublishOptions(options)
  const keys = new KeyRing(options.keys, settings)
  const items = new ItemPublisher(layer, settings)
  const once = new SignedOnce(keptGroupsOf(layer))
  const { maxItems, maxBodyBytes } = settings

  const publishAll = async (parsed: unknown, key: RingKey, logger: Logger): Promise<Reply> => {
    const isBatch = Array.isArray(parsed)
    const batch = isBatch ? (parsed as unknown[]) : [parsed]
    // All items start in their order, so events of one group keep it.
    const results = await Promise.all(batch.map((item) => settled(items.publish(item, key), logger)))
    return isBatch ? batchReply(results) : singleReply(results[0]!)
  }

  /** Checks the headers before it reads the body. Returns `undefined` if the client disconnects before its end. */
  const requestOf = async (
    { method, headers }: HttpScope,
    receive: Receive<HttpReceiveEvent>,
  ): Promise<AuthenticatedRequest | undefined> => {
    const isRead = method === 'GET' || method === 'HEAD'
    if (!isRead && method !== 'POST') throw new Refusal('method_not_allowed', 'Use POST to publish.')
    const credentials = keys.credentialsOf(headers)
    if (!isRead) requireJsonHeaders(headers)
    const body = await readBounded(headers, receive, maxBodyBytes)
    if (body === undefined) return undefined
    credentials.verify?.(body)
    const { key, signature } = credentials
    return { key, signature, body: isRead ? undefined : body }
  }

  const replyTo = async ({ key, signature, body }: AuthenticatedRequest, scope: HttpScope): Promise<Reply> => {
    if (body === undefined) return { status: 200, body: openApiDocument(settings, scope.path), items: 0, refused: 0 }
    const parsed = parseJson(body)
    takeTokens(key, itemCount(parsed, maxItems))
    const publish = (): Promise<Reply> => publishAll(parsed, key, scope.logger ?? consoleLogger)
    return signature === undefined ? publish() : once.run(signature, publish)
  }

  return async function publishApi(scope, receive, send) {
    const { logger = consoleLogger } = scope
    let key: RingKey | undefined
    let reply: Reply
    try {
      const request = await requestOf(scope, receive)
      if (request === undefined) return
      key = request.key
      reply = await replyTo(request, scope)
    } catch (error) {
      reply = replyOf(refusalFor(error, logger))
    }
    await sendReply(send, reply, scope.method)
    if (settings.onAnswer === undefined) return
    const failed = (error: unknown): void => logger.error({ err: error }, 'onAnswer of publishApi() has failed.')
    guarded(
      settings.onAnswer,
      failed,
    )({
      key: key?.name,
      status: reply.status,
      items: reply.items,
      refused: reply.refused,
    })
  }
}

interface AuthenticatedRequest {
  readonly key: RingKey
  readonly signature: string | undefined
  /** `undefined` for a request of the document. */
  readonly body: Uint8Array | undefined
}

function itemCount(parsed: unknown, maxItems: number): number {
  const count = Array.isArray(parsed) ? parsed.length : 1
  if (count >= 1 && count <= maxItems) return count
  throw new Refusal(count === 0 ? 'bad_item' : 'too_large', `A batch has 1 to ${maxItems} items.`)
}

/** An unknown error of one item, such as one of its schema, is that of this item only. */
function settled(result: Promise<object>, logger: Logger): Promise<object> {
  return result.catch((error: unknown) => refusalFor(error, logger))
}

function refusalFor(error: unknown, logger: Logger): Refusal {
  const refusal = refusalOf(error)
  if (refusal !== undefined) return refusal
  logger.error({ err: error }, 'The publish API has failed.')
  return new Refusal('failed', 'The server has failed. Its log has the error.')
}

function takeTokens({ name, bucket }: RingKey, count: number): void {
  if (bucket.take(count)) return
  const seconds = Math.max(1, Math.ceil(bucket.msUntil(count) / 1000))
  throw new Refusal('rate_limited', `The key "${name}" publishes too fast: try again in ${seconds} s.`, seconds)
}

async function sendReply(send: Send<HttpSendEvent>, reply: Reply, method: string): Promise<void> {
  const { status, retryAfterSeconds } = reply
  const body = JSON.stringify(reply.body)
  const headers: [string, string][] = [
    ['content-type', 'application/json'],
    ['content-length', `${Buffer.byteLength(body)}`],
    ['cache-control', 'no-store'],
  ]
  if (status === 401) headers.push(['www-authenticate', 'Bearer'])
  if (status === 405) headers.push(['allow', 'GET, HEAD, POST'])
  if (retryAfterSeconds !== undefined) headers.push(['retry-after', `${retryAfterSeconds}`])
  await send({ type: 'http.response.start', status, headers })
  await send({ type: 'http.response.body', body: method === 'HEAD' ? '' : body })
}

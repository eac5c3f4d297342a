import type { Application } from '../../asgi/application.ts'
import { NoRouteError } from '../../asgi/no-route-error.ts'
import { traitsOf } from '../../asgi/application-traits.ts'
import { TidewayError } from '../../errors/tideway-error.ts'
import type { ChannelLayer } from '../../layer/channel-layer.ts'
import { closeTasks, diagnoseTasks } from '../../worker/define-tasks.ts'
import { WebSocketCommunicator } from '../../testing/websocket-communicator.ts'
import { loadApplication, type LoadedApplication } from '../load-application.ts'
import { ok, problem, warning, type Finding } from './finding.ts'

/** The application of the file: whether it loads, its channel layers and tasks, and whom it lets connect. Both are closed. */
export async function applicationFindings(file: string, workers: number): Promise<Finding[]> {
  let loaded: LoadedApplication
  try {
    loaded = await loadApplication(file)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    const advice =
      error instanceof TidewayError ? 'Fix this first.' : 'Run "tideway serve" to see the file and the line.'
    return [problem('application', `${file} cannot be loaded: ${message}`, advice)]
  }
  const layers = Object.entries(loaded.channelLayers)
  try {
    const ofLayers = await Promise.all(
      layers.map(([alias, layer]) => layerFindings(alias, layer, loaded.groups, workers)),
    )
    const noLayer = layers.length === 0 ? [ok('channel-layer', 'The application has no channel layer.')] : []
    return [
      ok('application', `${file} exports an application.`),
      ...noLayer,
      ...ofLayers.flat(),
      ...(loaded.tasks === undefined ? [] : await diagnoseTasks(loaded.tasks)),
      ...(await originFindings(loaded.application)),
    ]
  } finally {
    await Promise.all(layers.map(([, layer]) => layer.close()))
    if (loaded.tasks !== undefined) await closeTasks(loaded.tasks, 0)
  }
}

async function layerFindings(alias: string, layer: ChannelLayer, groups: boolean, workers: number): Promise<Finding[]> {
  const check = 'channel-layer'
  if (layer.isLocal === true) return [localLayer(alias, groups, workers)]
  if (layer.diagnose !== undefined) return [...(await layer.diagnose())]
  try {
    await layer.ready?.()
    return [ok(check, `The channel layer "${alias}" reaches other processes.`)]
  } catch (error) {
    return [
      problem(
        check,
        `The channel layer "${alias}" cannot be used: ${(error as Error).message}`,
        'See that its engine runs.',
      ),
    ]
  }
}

function localLayer(alias: string, groups: boolean, workers: number): Finding {
  const check = 'channel-layer'
  const found = `The channel layer "${alias}" ends at its process`
  if (!groups) return ok(check, `${found}, and the application says that it needs no more (groups: false).`)
  const advice =
    'Take a layer of @tideway/redis, or say "groups: false" in defineApplication if nobody sends to a group.'
  if (workers === 1)
    return warning(check, `${found}: a second process or machine would have groups of its own.`, advice)
  return problem(check, `${found}, and --workers asks for ${workers}: each would have groups of its own.`, advice)
}

/** Nobody has this path, so that a handshake with it gets as far as the routers and no consumer is made. */
const NO_PATH = '/.well-known/tideway-doctor/'

/** Names that nobody has (RFC 2606 §2). */
const FOREIGN_HOST = 'doctor.invalid'
const OTHER_HOST = 'elsewhere.invalid'

async function originFindings(application: Application): Promise<Finding[]> {
  const check = 'origin'
  if (traitsOf(application).checksOrigin !== true) {
    return [
      problem(
        check,
        'The application has no origin validator: the server refuses only handshakes with cookies from pages of other hosts, in production.',
        'Wrap the WebSocket application in allowedHostsOriginValidator(…, { allowedHosts }).',
      ),
    ]
  }
  if (await letsIn(application, OTHER_HOST, FOREIGN_HOST)) {
    const advice = 'Is that meant? Otherwise give the list of your own hosts.'
    return [warning(check, 'Pages of every site may connect: the check of the Origin lets all of them pass.', advice)]
  }
  if (await letsIn(application, FOREIGN_HOST, FOREIGN_HOST)) {
    const found =
      'Pages of whatever name leads to this server may connect (DNS rebinding): the check of the Origin has no list.'
    return [
      warning(check, found, 'Give it one: allowedHostsOriginValidator(…, { allowedHosts: ["chat.example.com"] }).'),
    ]
  }
  return [ok(check, 'Only pages of the listed hosts may connect.')]
}

/** Whether a handshake with this Origin and Host gets past the check, to where there is no such path. */
async function letsIn(application: Application, originHost: string, host: string): Promise<boolean> {
  const client = new WebSocketCommunicator(application, NO_PATH, {
    headers: { Origin: `https://${originHost}`, Host: host },
  })
  try {
    const answer = await client.connect()
    return answer.accepted || answer.status !== 403
  } catch (error) {
    return error instanceof NoRouteError || (error as Error).cause instanceof NoRouteError
  } finally {
    await client.disconnect().catch(() => {})
  }
}

import type { Application } from '../../asgi/application.ts'
import { NoRouteError } from '../../asgi/no-route-error.ts'
import { traitsOf } from '../../asgi/application-traits.ts'
import { TidewayError } from '../../errors/tideway-error.ts'
import type { ChannelLayer } from '../../layer/channel-layer.ts'
import { InMemoryChannelLayer } from '../../layer/in-memory-channel-layer.ts'
import { closeTasks, diagnoseTasks } from '../../worker/define-tasks.ts'
import { WebSocketCommunicator } from '../../testing/websocket-communicator.ts'
import { loadApplication, type LoadedApplication } from '../load-application.ts'
import { ok, problem, warning, type Finding } from './finding.ts'

/** Checks the application of a file: whether it loads, its channel layers, its tasks, and which origins may connect. Closes layers and tasks. */
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
  if (layer.isLocal === true) return [localLayer(alias, layer, groups, workers)]
  if (layer.diagnose !== undefined) return [...(await layer.diagnose())]
  try {
    await layer.ready?.()
    return [ok(check, `The channel layer "${alias}" reaches other processes.`)]
  } catch (error) {
    return [
      problem(
        check,
        `The channel layer "${alias}" cannot be used: ${(error as Error).message}`,
        'Check that its engine runs.',
      ),
    ]
  }
}

function localLayer(alias: string, layer: ChannelLayer, groups: boolean, workers: number): Finding {
  const check = 'channel-layer'
  const isShared = layer instanceof InMemoryChannelLayer
  const found = `The channel layer "${alias}" works ${isShared ? 'on one machine' : 'in one process'} only`
  if (!groups) return ok(check, `${found}, and the application has no groups (groups: false).`)
  const advice =
    'Use a layer of @tideway/redis, or set "groups: false" in defineApplication if the application sends to no group.'
  if (isShared) return warning(check, `${found}: a second machine would have separate groups.`, advice)
  if (workers === 1) return warning(check, `${found}: a second process or machine would have separate groups.`, advice)
  return problem(check, `${found}, but --workers is ${workers}: each process would have separate groups.`, advice)
}

/** A path without a route, so that a handshake with it reaches the routers and creates no consumer. */
const NO_PATH = '/.well-known/tideway-doctor/'

/** Reserved names (RFC 2606 §2). */
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
    const advice = 'Give a list of your hosts, unless this is intended.'
    return [warning(check, 'Pages of every site may connect: the check of the Origin accepts all of them.', advice)]
  }
  if (await letsIn(application, FOREIGN_HOST, FOREIGN_HOST)) {
    const found =
      'Pages of any name that resolves to this server may connect (DNS rebinding): the check of the Origin has no list.'
    return [
      warning(check, found, 'Give it one: allowedHostsOriginValidator(…, { allowedHosts: ["chat.example.com"] }).'),
    ]
  }
  return [ok(check, 'Only pages of the listed hosts may connect.')]
}

/** Whether a handshake with this Origin and Host passes the check and fails only because of its path. */
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

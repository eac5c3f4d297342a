import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { limitDefaults } from '../../server/limits/limit-options.ts'
import type { ServeOptions } from '../../server/options.ts'
import { ok, problem, warning, type Finding } from './finding.ts'

const packageFile = new URL('../../../package.json', import.meta.url)

/** The fields of the manifest of this package that are compared with the machine. */
interface Manifest {
  readonly version: string
  readonly engines: { readonly node: string }
  readonly peerDependencies: Readonly<Record<string, string>>
}

/** The fewest descriptors for a server; systems give fewer to a login. */
const FEW_DESCRIPTORS = 4096

/** The descriptors of a server in addition to one per connection. */
const OTHER_DESCRIPTORS = 100

/** Checks Node, the packages of the application, and the limits of the system. */
export async function machineFindings(file: string, options: ServeOptions): Promise<Finding[]> {
  const manifest = JSON.parse(await readFile(packageFile, 'utf8')) as Manifest
  return [
    nodeFinding(manifest.engines.node),
    ...(await packageFindings(file, manifest)),
    ...(await descriptorFindings(options)),
  ]
}

function nodeFinding(range: string): Finding {
  const { version } = process
  if (!satisfies(version.slice(1), range)) {
    return problem('node', `This is Node ${version}, and tideway needs ${range}.`, 'Install a newer Node.')
  }
  if (Number(/^v(\d+)/.exec(version)?.[1]) % 2 === 0) return ok('node', `Node ${version}.`)
  return warning(
    'node',
    `Node ${version} is an odd version, which gets fixes for only half a year.`,
    'Use an even version, which has long-term support.',
  )
}

async function packageFindings(file: string, { version, peerDependencies }: Manifest): Promise<Finding[]> {
  const findings: Finding[] = []
  const absent: string[] = []
  for (const [name, range] of Object.entries(peerDependencies)) {
    const installed = await versionBeside(file, name)
    if (installed === undefined) absent.push(name)
    else if (!satisfies(installed, range)) {
      findings.push(
        problem(
          'packages',
          `${name} ${installed} is installed, and tideway works with ${range}.`,
          `npm install ${name}@${JSON.stringify(range)}`,
        ),
      )
    }
  }
  for (const name of ['@tideway/redis', '@tideway/client']) {
    const installed = await versionBeside(file, name)
    if (installed === undefined || installed === version) continue
    findings.push(
      problem(
        'packages',
        `${name} is ${installed} and tideway ${version}: their versions must be equal.`,
        `npm install tideway@${version} ${name}@${version}`,
      ),
    )
  }
  if (findings.length > 0) return findings
  const without = absent.length === 0 ? '' : ` Optional packages not installed: ${absent.join(', ')}.`
  return [ok('packages', `Package versions are compatible.${without}`)]
}

/** The version of the package that the application would import. */
async function versionBeside(file: string, name: string): Promise<string | undefined> {
  // Searches the folders of Node's resolution, because not every package exports its manifest.
  for (const folder of createRequire(resolve(file)).resolve.paths(name) ?? []) {
    try {
      const { version } = JSON.parse(await readFile(`${folder}/${name}/package.json`, 'utf8')) as { version: string }
      return version
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error
    }
  }
  return undefined
}

/** Supports the two forms of ranges in the manifest of this package: `^1.2.3` and `>=1.2.3`. */
export function satisfies(version: string, range: string): boolean {
  const [, operator, least] = /^(\^|>=)([\d.]+)$/.exec(range) ?? []
  if (least === undefined) return true
  const numbers = (text: string): number[] => text.split('-')[0]!.split('.').map(Number)
  const [found, wanted] = [numbers(version), numbers(least)]
  if (operator === '^' && found[0] !== wanted[0]) return false
  const differs = wanted.findIndex((part, i) => part !== (found[i] ?? 0))
  return differs === -1 || (found[differs] ?? 0) > wanted[differs]!
}

async function descriptorFindings(options: ServeOptions): Promise<Finding[]> {
  const most = await mostDescriptors()
  if (most === undefined) return []
  const check = 'descriptors'
  const advice = 'Raise it: "LimitNOFILE=" of systemd, "ulimits: nofile" of Docker Compose, "ulimit -Hn" of a shell.'
  const { maxConnections } = options
  const wanted = typeof maxConnections === 'number' ? maxConnections + OTHER_DESCRIPTORS : FEW_DESCRIPTORS
  if (most >= wanted) return [ok(check, `A process may have ${most} files and sockets open.`)]
  if (typeof maxConnections === 'number') {
    const found = `--max-connections is ${maxConnections}, but a process may have only ${most} files and sockets open.`
    return [problem(check, found, advice)]
  }
  const found = `A process may have ${most} files and sockets open, but maxConnections allows ${limitDefaults.maxConnections} connections.`
  return [warning(check, found, advice)]
}

/** The limit of this process, which Node raises to the hard limit. Only Linux has it in a file. */
async function mostDescriptors(): Promise<number | undefined> {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '')
  const [, most] = /^Max open files\s+(\d+|unlimited)/m.exec(limits) ?? []
  if (most === undefined) return undefined
  return most === 'unlimited' ? Number.POSITIVE_INFINITY : Number(most)
}

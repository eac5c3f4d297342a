/** The part of package-lock.json that matters here. */
export interface Lockfile {
  packages: Record<string, LockedPackage>
}

/** One installed package of a lock file, by the folder that it is installed in. */
export interface LockedPackage {
  readonly version?: string
  /** Of a workspace. */
  readonly link?: boolean
  /** The folder that a link leads to. */
  readonly resolved?: string
  readonly integrity?: string
  readonly dev?: boolean
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>
  readonly engines?: { readonly node?: string }
  readonly optional?: boolean
  readonly os?: readonly string[]
  readonly cpu?: readonly string[]
  readonly libc?: readonly string[]
}

const SYSTEMS = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32']
const PROCESSORS = ['arm', 'arm64', 'ia32', 'loong64', 'ppc64', 'riscv64', 's390x', 'x64']

/**
 * The optional packages that others name and the lock file does not have: builds of a tool for other systems. npm leaves
 * out those that its registry does not have at the moment, and then `npm ci` refuses the whole file, and a machine
 * of such a system never gets its build.
 *
 * Added entries have no checksum: the registry at hand does not have the package. `npm install --package-lock-only` against
 * the public registry fills it in. The release is built on Linux x64, where a test demands the checksum of every package.
 */
export function missingPackages({ packages }: Lockfile): Record<string, LockedPackage> {
  const missing: Record<string, LockedPackage> = {}
  for (const [folder, { dev, optionalDependencies = {} }] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      if (`node_modules/${name}` in packages || `${folder}/node_modules/${name}` in packages) continue
      missing[`node_modules/${name}`] = platformPackage(name, version, dev ?? false)
    }
  }
  return missing
}

/** Such packages are named after their platform, as in `@scope/tool-linux-arm64-gnu`. */
function platformPackage(name: string, version: string, dev: boolean): LockedPackage {
  const words = name.split(/[/-]/)
  const cpu = PROCESSORS.find((word) => words.includes(word))
  const os = SYSTEMS.find((word) => words.includes(word))
  if (!/^\d/.test(version) || cpu === undefined || os === undefined) {
    throw new Error(`${name}@${version} is not a build for one system: its lock entry is unknown.`)
  }
  const libc = /musl/.test(name) ? ['musl'] : /gnu/.test(name) ? ['glibc'] : undefined
  return { version, cpu: [cpu], ...(dev && { dev }), ...(libc && { libc }), optional: true, os: [os] }
}

/** Whether npm installs the package on Linux x64 with glibc. */
export function isForLinux({ os = ['linux'], cpu = ['x64'], libc = ['glibc'] }: LockedPackage): boolean {
  return os.includes('linux') && cpu.includes('x64') && libc.includes('glibc')
}

/** The packages that npm installs on Linux x64 for these names and all that they depend on, by folder. */
export function installedPackages({ packages }: Lockfile, names: readonly string[]): Map<string, LockedPackage> {
  const installed = new Map<string, LockedPackage>()
  const add = (name: string, from: string): void => {
    const place = placesFrom(from).find((place) => `${place}node_modules/${name}` in packages)
    if (place === undefined) throw new Error(`${name}, which ${from || 'the root'} depends on, is not locked.`)
    const found = packages[`${place}node_modules/${name}`]!
    const folder = found.link === true ? found.resolved! : `${place}node_modules/${name}`
    const locked = packages[folder]!
    if (installed.has(folder) || !isForLinux(locked)) return
    installed.set(folder, locked)
    const { dependencies, optionalDependencies, peerDependencies = {}, peerDependenciesMeta = {} } = locked
    const peers = Object.keys(peerDependencies).filter((peer) => peerDependenciesMeta[peer]?.optional !== true)
    for (const next of [...Object.keys({ ...dependencies, ...optionalDependencies }), ...peers]) add(next, folder)
  }
  for (const name of names) add(name, '')
  return installed
}

/** Where Node looks for a package: in the folder itself, then in those above it. */
function placesFrom(folder: string): string[] {
  const parts = folder === '' ? [] : folder.split('/node_modules/')
  return [...parts.map((_, i) => `${parts.slice(0, parts.length - i).join('/node_modules/')}/`), '']
}

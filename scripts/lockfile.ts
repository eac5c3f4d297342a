/** The part of package-lock.json that matters here. */
export interface Lockfile {
  packages: Record<string, LockedPackage>
}

/** One installed package of a lock file, by the folder that it is installed in. */
export interface LockedPackage {
  readonly version?: string
  /** Of a workspace. */
  readonly link?: boolean
  readonly integrity?: string
  readonly dev?: boolean
  readonly optionalDependencies?: Readonly<Record<string, string>>
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

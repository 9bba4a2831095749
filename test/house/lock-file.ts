/** What `npm ci` wants of package-lock.json. Pure. */

export interface LockEntry {
  readonly version?: string
  readonly resolved?: string
  readonly dev?: boolean
  readonly optional?: boolean
  readonly os?: readonly string[]
  readonly cpu?: readonly string[]
  readonly libc?: readonly string[]
  readonly optionalDependencies?: Readonly<Record<string, string>>
}
export type LockEntries = Readonly<Record<string, LockEntry>>

interface Missing {
  readonly path: string
  readonly name: string
  readonly version: string
  readonly dev: boolean
}

/**
 * Optional packages that some package names and the lock lacks. npm leaves out what its registry could not give it (a mirror
 * seldom has every platform), and then refuses its own file at `npm ci`.
 */
export function missingOptional(packages: LockEntries): Missing[] {
  return Object.entries(packages).flatMap(([owner, { optionalDependencies = {}, dev = false }]) =>
    Object.entries(optionalDependencies)
      .filter(([name]) => !folders(owner).some((folder) => `${folder}node_modules/${name}` in packages))
      .map(([name, version]) => ({ path: `node_modules/${name}`, name, version, dev })),
  )
}

/** The lock with an entry for each of them: enough for npm to see that another platform is meant, and to find it there. */
export function completed(packages: LockEntries): LockEntries {
  const added = missingOptional(packages).map(({ path, name, version, dev }) => {
    // In npm's order, so that its next writing changes nothing.
    const { cpu, libc, os } = platformOf(name)
    const entry = { version, cpu, ...(dev ? { dev } : {}), ...(libc ? { libc } : {}), optional: true, os }
    return [path, entry] as const
  })
  const all = [...Object.entries(packages), ...added]
  return Object.fromEntries(all.sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Where Node looks for a package that `owner` names: its own folder first, the root last. */
function folders(owner: string): string[] {
  const outer = Array.from(owner.matchAll(/\/node_modules\//g), ({ index }) => `${owner.slice(0, index)}/`)
  return [`${owner}/`, ...outer.reverse(), '']
}

const systems: Readonly<Record<string, string>> = { windows: 'win32' }
const processors: Readonly<Record<string, string>> = { '64': 'x64' }

/** `@scope/tool-linux-arm64-musl` -> Linux, arm64, musl. */
export function platformOf(name: string): { os: string[]; cpu: string[]; libc?: string[] } {
  const [, os = '', cpu = '', abi = ''] =
    /-(aix|android|darwin|freebsd|linux|netbsd|openbsd|openharmony|sunos|win32|windows)-([a-z0-9]+)(?:-(\w+))?$/.exec(
      name,
    ) ?? []
  if (os === '') return { os: [], cpu: [] }
  const libc = os !== 'linux' || abi === '' ? {} : { libc: [abi.startsWith('musl') ? 'musl' : 'glibc'] }
  return { cpu: [processors[cpu] ?? cpu], ...libc, os: [systems[os] ?? os] }
}

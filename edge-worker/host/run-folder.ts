import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { readKeptJson, writeKeptFile } from '#server-kit/kept-file.ts'
import { writeSecretFile } from '#server-kit/secret.ts'
import type { Launch } from './launch.ts'
import type { TableRelay } from './table-relay.ts'
import { secretVariables, workerdConfig } from './workerd-config.ts'

const tableFile = 'bundled-structure.json'
const childrenFile = 'children.json'

/** The generated files that workerd processes are started with, readable by their owner only. */
export class RunFolder {
  readonly #path: string
  readonly #relay: Pick<TableRelay, 'documents' | 'address' | 'token'>

  constructor(home: string, relay: Pick<TableRelay, 'documents' | 'address' | 'token'>) {
    this.#path = join(home, 'run')
    this.#relay = relay
  }

  /** Called while no process runs. */
  async open(): Promise<void> {
    await mkdir(this.#path, { recursive: true, mode: 0o700 })
    await this.clean()
  }

  /** Files of other launches go; a running process has long read its own. */
  async clean(keep?: Launch): Promise<void> {
    const kept = keep === undefined ? [] : [codeFileOf(keep), configFileOf(keep)]
    const generated = (await readdir(this.#path)).filter((name) => /^(worker|edge)-[0-9a-f]+\.(js|capnp)$/.test(name))
    const old = generated.filter((name) => !kept.includes(name))
    await Promise.all(old.map((name) => rm(join(this.#path, name), { force: true })))
  }

  /**
   * Anew for each process, as it starts with the newest table. Resolves with the configuration to run. Its name is that of the
   * launch: a process that dies during a reload is started again while its neighbour is replaced by other files.
   */
  async write(launch: Launch): Promise<string> {
    const { name, sites, trustedClientIpHeader, trustedCountryHeader } = launch.config
    await writeKeptFile(join(this.#path, codeFileOf(launch)), launch.code.code)
    await writeKeptFile(join(this.#path, tableFile), JSON.stringify(this.#relay.documents))
    const text = workerdConfig({
      name,
      version: launch.version,
      codeFile: codeFileOf(launch),
      tableFile,
      sites,
      trustedClientIpHeader,
      trustedCountryHeader,
      tablesAddress: this.#relay.address,
    })
    const configFile = join(this.#path, configFileOf(launch))
    // It holds the keys that sites are shown: workerd takes them from no other place.
    await writeSecretFile(configFile, text)
    return configFile
  }

  /** Whether a process with these arguments was started from here. */
  isOurs(args: readonly string[]): boolean {
    return args.some((arg) => arg.startsWith(join(this.#path, 'edge-')) && arg.endsWith('.capnp'))
  }

  /** Ids of the processes that live, for the next supervisor. */
  async tellChildren(pids: readonly (number | undefined)[]): Promise<void> {
    await writeKeptFile(join(this.#path, childrenFile), JSON.stringify(pids))
  }

  /** Those that the supervisor before left in its list. */
  async toldChildren(): Promise<readonly number[]> {
    const kept = await readKeptJson(join(this.#path, childrenFile), 64 * 1024)
    return Array.isArray(kept) ? kept.filter((pid): pid is number => Number.isInteger(pid)) : []
  }

  /** Known to the processes and to their supervisor alone. */
  get token(): string {
    return this.#relay.token
  }

  /** What must not lie in a file: variables of the process. */
  secrets({ config }: Launch): Record<string, string> {
    return {
      [secretVariables.TABLE_KEYS]: JSON.stringify(config.tableKeys),
      [secretVariables.GATEWAY_RING]: JSON.stringify(config.gatewayRing),
      [secretVariables.CONTROL_RING]: JSON.stringify(config.controlRing),
      [secretVariables.TABLES_TOKEN]: this.#relay.token,
    }
  }
}

const codeFileOf = ({ code }: Launch) => `worker-${code.digest}.js`
const configFileOf = ({ digest }: Launch) => `edge-${digest.slice(0, 16)}.capnp`

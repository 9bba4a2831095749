/** Runs the services of docker-compose.yml as processes of this machine, since no container engine is at hand. */
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'
import { portsAt } from '../../control-plane/cli/local/ports.ts'
import { root } from '../../control-plane/cli/root.ts'
import { eventually } from './eventually.ts'
import { listens, type RunningProcess, startProcess } from './process-runner.ts'

export interface ComposeService {
  readonly image: string
  readonly build?: string
  readonly entrypoint?: readonly string[]
  readonly command?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>> | readonly string[]
  readonly profiles?: readonly string[]
}

export interface ComposeFile {
  readonly services: Readonly<Record<string, ComposeService>>
  readonly volumes: Readonly<Record<string, null>>
}

export async function readCompose(): Promise<ComposeFile> {
  return parse(await readFile(join(root, 'docker-compose.yml'), 'utf8'), { merge: true })
}

export interface DockerInstruction {
  readonly name: string
  readonly value: string
}

/** Line continuations joined, comments left out. */
export async function readDockerfile(): Promise<DockerInstruction[]> {
  const text = (await readFile(join(root, 'Dockerfile'), 'utf8')).replace(/\\\n\s*/g, '')
  return text
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
    .map((line) => ({ name: line.split(' ', 1)[0] ?? '', value: line.slice(line.indexOf(' ') + 1).trim() }))
}

export function dependenciesOf({ depends_on: named }: ComposeService): string[] {
  return Array.isArray(named) ? [...named] : Object.keys(named ?? {})
}

/** The compose file on loopback: containers' names become 127.0.0.1, their ports those of `base`, volumes folders. */
export class LocalCompose {
  readonly #file: ComposeFile
  readonly #entrypoint: readonly string[]
  readonly #folder: string
  readonly #base: number
  readonly #running = new Map<string, RunningProcess>()

  private constructor(file: ComposeFile, entrypoint: readonly string[], folder: string, base: number) {
    this.#file = file
    this.#entrypoint = entrypoint
    this.#folder = folder
    this.#base = base
  }

  static async open(folder: string, base: number): Promise<LocalCompose> {
    const file = await readCompose()
    const entrypoint = (await readDockerfile()).findLast(({ name }) => name === 'ENTRYPOINT')?.value ?? '[]'
    for (const volume of Object.keys(file.volumes)) await mkdir(join(folder, volume), { recursive: true })
    return new LocalCompose(file, JSON.parse(entrypoint), folder, base)
  }

  /** `docker compose up NAME --wait`: what it depends on first, each until it is healthy or has done its work. */
  async up(name: string): Promise<void> {
    if (this.#running.has(name)) return
    const service = this.#service(name)
    for (const needed of dependenciesOf(service)) await this.up(needed)
    const running = await startProcess(this.#processOf(name, service))
    this.#running.set(name, running)
    if (this.#isOnce(name)) {
      const { code } = await running.ended
      if (code !== 0) throw new Error(`${name} ended with ${code}:\n${running.output()}`)
      return
    }
    const isWell = () => this.#answers(service)
    const ended = running.ended.then(() => Promise.reject(new Error(`${name} ended:\n${running.output()}`)))
    await Promise.race([eventually(isWell, { deadlineMs: 40_000, what: `${name} being healthy` }), ended])
  }

  /** `docker compose run --rm NAME ARGS` */
  async run(name: string, ...args: string[]): Promise<{ code: number | null; text: string }> {
    const running = await startProcess(this.#processOf(name, { ...this.#service(name), command: args }))
    const { code } = await running.ended
    return { code, text: running.output() }
  }

  get running(): readonly string[] {
    return [...this.#running.keys()]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const running of [...this.#running.values()].reverse()) await running.stop()
  }

  #service(name: string): ComposeService {
    const service = this.#file.services[name]
    if (service === undefined) throw new Error(`docker-compose.yml has no service ${name}`)
    return service
  }

  #isOnce(name: string): boolean {
    const conditions = Object.values(this.#file.services).flatMap(({ depends_on: needs }) =>
      Array.isArray(needs) || needs === undefined ? [] : Object.entries(needs),
    )
    return conditions.some(
      ([needed, { condition }]) => needed === name && condition === 'service_completed_successfully',
    )
  }

  #processOf(name: string, service: ComposeService) {
    const mounts = (service.volumes ?? []).map((volume) => volume.split(':'))
    const workingFolder = mounts.find(([, path]) => path === '/data')?.[0]
    const here = (text: string): string => this.#onThisMachine(text, mounts)
    const own = service.build === undefined ? [] : (service.entrypoint ?? this.#entrypoint)
    const [command = '', ...args] = [...own, ...(service.command ?? [])].map(here)
    const environment = Object.entries(service.environment ?? {}).map(([key, value]) => [key, here(value)])
    return {
      command: command === 'node' ? process.execPath : command,
      args: [...args, ...this.#additions(name, command)],
      cwd: workingFolder === undefined ? root : join(this.#folder, workingFolder),
      env: { ...Object.fromEntries(environment), TIDEGATE_PORT_BASE: String(this.#base) },
    }
  }

  /** What a container's own network and user would give it. */
  #additions(name: string, command: string): string[] {
    if (name === 'setup') return ['--loopback']
    if (command === 'redis-server') return ['--bind', '127.0.0.1']
    if (command === 'memcached') return ['-l', '127.0.0.1', ...(process.getuid?.() === 0 ? ['-u', 'root'] : [])]
    return []
  }

  #onThisMachine(text: string, mounts: readonly string[][]): string {
    const names = Object.keys(this.#file.services).join('|')
    const hosts = new RegExp(`(?<![\\w-])(?:${names}|0\\.0\\.0\\.0)(?=:\\d)`, 'g')
    let here = text
      .replace(hosts, '127.0.0.1')
      .replace(/\b17(\d{3})\b/g, (_, offset) => `${this.#base + Number(offset)}`)
    for (const [volume = '', path = ''] of mounts) {
      // The folder in which volumes stand side by side under their own names, as `setup` sees them.
      if (path === `${here}/${volume}`) return this.#folder
      if (here === path || here.startsWith(`${path}/`)) here = join(this.#folder, volume, here.slice(path.length))
    }
    return here.startsWith('/tmp/services.log') ? join(this.#folder, `services-${text.length}.log`) : here
  }

  async #answers({ environment = {} }: ComposeService): Promise<boolean> {
    const here = (text: string) => this.#onThisMachine(text, [])
    if (environment['PORT'] !== undefined) return listens(Number(here(environment['PORT'])))
    const url = here(environment['TIDEGATE_HEALTH_URL'] ?? '')
    await (await fetch(url, { signal: AbortSignal.timeout(3_000) })).arrayBuffer()
    return true
  }
}

/** Where the programs are when the compose file runs here. */
export const composePorts = (base: number) => portsAt(base, 2)

import { type ChildProcess, fork } from 'node:child_process'
import { eventually, within } from '../../../test/support/eventually.ts'

/** `acks-first`: says that an event is applied before it is. `blind`: does nothing about events that were lost. */
export type Care = 'all' | 'acks-first' | 'blind'

export interface ConsumerOptions {
  readonly site: string
  /** Folder of the site, with the journals of its processes. */
  readonly home: string
  /** Of the process, and of the consumer in its group. */
  readonly name: string
  readonly writer: number
  readonly zones: readonly string[]
  readonly redis: string
  /** Namespaces that events may name. */
  readonly namespaces: readonly string[]
  /** The site that gets a copy of each write, and where it takes them; absent: none does. */
  readonly other?: { readonly site: string; readonly origin: string }
  /** Where it takes those of the other site; absent: another process of the site does. */
  readonly port?: number
  readonly secret: string
  readonly care: Care
}

export type Told = { readonly tell: 'ready' } | { readonly tell: 'gap'; readonly because: string }

export interface ConsumerProcess extends AsyncDisposable {
  /** What it said of events that were lost. */
  readonly gaps: readonly string[]
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>
}

const program = new URL('consumer.ts', import.meta.url)
const live = new Set<ChildProcess>()

// A proof that is broken off must not leave its processes behind.
process.once('exit', () => {
  for (const child of live) child.kill('SIGKILL')
})

/** Resolves when it reads events; fails with what it printed if it does not. */
export async function startConsumer(options: ConsumerOptions): Promise<ConsumerProcess> {
  const child = fork(program, [JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
  live.add(child)
  const gaps: string[] = []
  let output = ''
  let state: 'starting' | 'ready' | 'ended' = 'starting'
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString('utf8')).slice(-16_000)
    })
  child.on('message', (told: Told) => {
    if (told.tell === 'ready') state = 'ready'
    else gaps.push(told.because)
  })
  const gone = new Promise<void>((resolve) => {
    child.once('close', () => {
      live.delete(child)
      state = 'ended'
      resolve()
    })
  })
  await eventually(() => state !== 'starting', { deadlineMs: 60_000, what: `${options.name} reading events` })
  if ((state as string) === 'ended') throw new Error(`${options.name} ended before it read events:\n${output}`)
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL')
    await within(10_000, 'the end of a killed process', gone)
  }
  return { gaps, kill, [Symbol.asyncDispose]: kill }
}

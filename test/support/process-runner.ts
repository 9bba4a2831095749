/** Other programs as processes of one test: started, watched, stopped by their own id. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { eventually } from './eventually.ts'

export interface ProcessOptions {
  readonly command: string
  readonly args?: readonly string[]
  readonly cwd?: string
  /** Added to the environment of the test. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** A line to wait for, or a question asked until its answer is true. Default: it runs. */
  readonly ready?: RegExp | (() => boolean | Promise<boolean>)
  /** For becoming ready. Default 20,000. */
  readonly deadlineMs?: number
}

export interface Ending {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** `await using` stops it with its block. */
export interface RunningProcess extends AsyncDisposable {
  readonly pid: number
  /** Both output streams, at most the last 256 KiB. */
  output(): string
  /** The first match in the output, also one that was there before. */
  waitFor(pattern: RegExp, deadlineMs?: number): Promise<RegExpMatchArray>
  signal(signal: NodeJS.Signals): void
  /** SIGSTOP; resolves when none of its threads runs any more. SIGCONT wakes it. */
  freeze(): Promise<void>
  /** Resolves when the process has ended. */
  readonly ended: Promise<Ending>
  /** SIGTERM (or `signal`), after `deadlineMs` (default 10,000) SIGKILL; resolves when it has ended. */
  stop(signal?: NodeJS.Signals, deadlineMs?: number): Promise<Ending>
}

const outputLimit = 256 * 1024
const live = new Set<ChildProcess>()

// A test that is broken off must not leave servers behind.
process.once('exit', () => {
  for (const child of live) child.kill('SIGKILL')
})

/** Starts a program of ours with this Node. */
export function startScript(
  script: string,
  args: readonly string[],
  options: Omit<ProcessOptions, 'command' | 'args'> = {},
) {
  return startProcess({ ...options, command: process.execPath, args: [script, ...args] })
}

/** Resolves when the process is ready; if it ends or is late, fails with what it printed. */
export async function startProcess(options: ProcessOptions): Promise<RunningProcess> {
  const { command, args = [], cwd, env, ready, deadlineMs = 20_000 } = options
  const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  const running = watch(child)
  let over = false
  const alive = async (): Promise<boolean> => {
    // `diedEarly` has told it by then; nobody is asked any more.
    if (over) return true
    if (ready === undefined) return child.pid !== undefined
    return ready instanceof RegExp ? ready.test(running.output()) : await ready()
  }
  const diedEarly = running.ended.then(({ code, signal }) => {
    over = true
    throw new Error(`${command} ended before it was ready (${code ?? signal})`)
  })
  try {
    await Promise.race([eventually(alive, { deadlineMs, what: `${command} being ready` }), diedEarly])
    return running
  } catch (cause) {
    await running.stop('SIGKILL')
    throw new Error(`${(cause as Error).message}; its output:\n${running.output().slice(-4000)}`, { cause })
  }
}

/** Whether somebody accepts connections there. */
export function listens(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host, timeout: 1000 })
    const answer = (yes: boolean) => () => {
      socket.destroy()
      resolve(yes)
    }
    socket.once('connect', answer(true)).once('error', answer(false)).once('timeout', answer(false))
  })
}

function watch(child: ChildProcess): RunningProcess {
  let output = ''
  const take = (chunk: Buffer): void => {
    output = (output + chunk.toString('utf8')).slice(-outputLimit)
  }
  child.stdout?.on('data', take)
  child.stderr?.on('data', take)
  live.add(child)

  const ended = new Promise<Ending>((resolve) => {
    child.once('close', (code, signal) => {
      live.delete(child)
      resolve({ code, signal })
    })
    // A command that is not there never closes.
    child.once('error', (error) => {
      live.delete(child)
      output += String(error)
      resolve({ code: 127, signal: null })
    })
  })

  const stop = async (signal: NodeJS.Signals = 'SIGTERM', deadlineMs = 10_000): Promise<Ending> => {
    child.kill(signal)
    const timer = setTimeout(() => child.kill('SIGKILL'), deadlineMs)
    const ending = await ended
    clearTimeout(timer)
    return ending
  }

  return {
    pid: child.pid ?? -1,
    output: () => output,
    ended,
    stop,
    signal: (signal) => child.kill(signal),
    freeze: async () => {
      child.kill('SIGSTOP')
      await eventually(() => isFrozen(child.pid ?? -1), { what: `${child.spawnfile} is frozen` })
    },
    waitFor: async (pattern, deadlineMs = 10_000) =>
      eventually(() => output.match(pattern), { deadlineMs, what: `${pattern} in the output of ${child.spawnfile}` }),
    [Symbol.asyncDispose]: async () => {
      await stop()
    },
  }
}

/** On a busy machine threads go on until the one that took the signal has had its turn. Where there is no /proc, at once. */
async function isFrozen(pid: number): Promise<boolean> {
  const tasks = `/proc/${pid}/task`
  if (!existsSync(tasks)) return true
  const stats = await Promise.all((await readdir(tasks)).map((task) => readFile(`${tasks}/${task}/stat`, 'utf8')))
  // `pid (name) state ...`: a name may have spaces and parentheses.
  return stats.every((stat) => stat.slice(stat.lastIndexOf(')') + 2).startsWith('T'))
}

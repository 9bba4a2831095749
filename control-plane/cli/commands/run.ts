/** `tidegate gateway|control-plane|edge --config FILE`: the program itself, as a child that this command stands for. */
import { spawn } from 'node:child_process'
import { join, resolve } from 'node:path'
import { exitCodes } from '../exit-codes.ts'
import { root } from '../root.ts'
import type { Surroundings } from '../session.ts'

const scripts = {
  gateway: 'gateway/main.ts',
  'control-plane': 'control-plane/main.ts',
  edge: 'edge-worker/host/main.ts',
} as const

export interface RunOptions {
  readonly config: string
  readonly workers?: string
  readonly supervised?: true
}

/** Signals go down, the end comes up. Arguments that are not ours are the program's. */
export function runProgram(name: keyof typeof scripts) {
  return async ({ folder }: Surroundings, args: readonly string[], options: RunOptions): Promise<void> => {
    const { config, workers, supervised } = options
    const ofGateway = [
      ...(workers === undefined ? [] : ['--workers', workers]),
      ...(supervised ? ['--supervised'] : []),
    ]
    const argv = [join(root, scripts[name]), '--config', resolve(folder, config), ...ofGateway, ...args]
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...argv], {
      stdio: 'inherit',
      // Out of the terminal's group: Ctrl-C would reach it twice, and the second one ends a program at once.
      detached: true,
    })
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2'] as const
    const forward = (signal: NodeJS.Signals): void => void child.kill(signal)
    for (const signal of signals) process.on(signal, forward)
    process.exitCode = await new Promise<number>((done, failed) => {
      child.once('error', failed)
      child.once('exit', (code, signal) =>
        done(code ?? (signal === 'SIGINT' ? exitCodes.interrupted : exitCodes.failed)),
      )
    })
    for (const signal of signals) process.off(signal, forward)
  }
}

import { problems } from '../errors.ts'
import { json } from '../print.ts'
import type { LocalOptions, Surroundings } from '../session.ts'

interface LocalFlags {
  readonly fresh?: true
  readonly embedded?: true
  readonly workers?: string
}

/** `tidegate local`, which is `npm start`: runs until Ctrl-C. */
export async function local({ env, out, tell }: Surroundings, _: readonly string[], flags: LocalFlags): Promise<void> {
  const workers = Number(flags.workers ?? 1)
  if (!Number.isInteger(workers) || workers < 1 || workers > 64) {
    throw problems['usage-wrong']({
      reason: `--workers ${flags.workers} is not a number from 1 to 64`,
      usage: '--workers 2',
    })
  }
  const { start } = await import('../local/start.ts')
  await start({ env, out, tell, fresh: flags.fresh === true, embedded: flags.embedded === true, workers })
}

/** `tidegate stop`: what Ctrl-C does, from elsewhere; returns when the system has ended. */
export async function stop({ env, out }: Surroundings, _: readonly string[], { output }: LocalOptions): Promise<void> {
  const [{ stopRunning }, { homeOf }] = await Promise.all([import('../local/stop.ts'), import('../local/home.ts')])
  const pid = await stopRunning(homeOf(env))
  out(output === 'json' ? json({ pid, stopped: true }) : `stopped (process ${pid})`)
}

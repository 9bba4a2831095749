/** Ends the system of a home from another terminal. */
import { problems } from '../errors.ts'
import { isAlive } from './identity.ts'
import { readRunning } from './running.ts'

const deadlineMs = 15_000
const lookEveryMs = 50

/** Its process id, once it has ended. Throws `not-running`. */
export async function stopRunning(home: string): Promise<number> {
  const running = await readRunning(home)
  if (running === undefined || !isAlive(running)) throw problems['not-running']({ home })
  process.kill(running.pid, 'SIGTERM')
  const until = performance.now() + deadlineMs
  while (isAlive(running)) {
    if (performance.now() > until) throw problems['stop-too-slow']({ pid: running.pid, seconds: deadlineMs / 1000 })
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs))
  }
  return running.pid
}

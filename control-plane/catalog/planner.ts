import { Worker } from 'node:worker_threads'
import { problems } from '../errors.ts'
import { Turns } from '../turns.ts'
import { type PlanInput, type Planned, planCatalog } from './plan.ts'

/** Up to here a plan takes less time than a thread needs to begin. */
const fewFiles = 50
const fewChars = 512 * 1024
/** Plans that may wait for their turn: each large one has a thread and a copy of the catalog. */
const waitingLimit = 16

const turns = new Turns(waitingLimit)

/**
 * As `planCatalog`. A large catalog takes seconds to read: it is planned on a thread of its own, so that flips,
 * rollbacks and acknowledgements do not wait for it.
 */
export function planAside(input: PlanInput): Promise<Planned> {
  const files = [...input.given, ...input.kept]
  const chars = files.reduce((sum, { text }) => sum + text.length, 0)
  if (files.length <= fewFiles && chars <= fewChars) return Promise.resolve(planCatalog(input))
  return turns.take(() => planOnThread(input))
}

async function planOnThread(input: PlanInput): Promise<Planned> {
  const worker = new Worker(new URL('./plan-worker.ts', import.meta.url))
  try {
    return await new Promise<Planned>((resolve, reject) => {
      worker.once('message', resolve).once('error', reject)
      // After the plan has come this changes nothing any more.
      worker.once('exit', (code) => reject(problems['planner-lost']({ code })))
      worker.postMessage(input)
    })
  } finally {
    await worker.terminate()
  }
}

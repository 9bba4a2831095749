import { parentPort } from 'node:worker_threads'
import { type PlanInput, planCatalog } from './plan.ts'

/** The thread behind `planner.ts`: one plan, then it ends. */
parentPort?.once('message', (input: PlanInput) => parentPort?.postMessage(planCatalog(input)))

/**
 * `npm test`: everything, against real servers. Last line: `N passed, N failed`.
 *
 * `npm test -- unit integration` runs those vitest projects only, without the other steps.
 */
import { existsSync } from 'node:fs'
import { installNeededServers } from './support/needed-servers.ts'
import { conclude, type StepResult, staticSteps, sum, vitestStep } from './support/test-steps.ts'

const chosen = process.argv.slice(2)
const projects = ['unit', ...(existsSync('edge-worker/wrangler.jsonc') ? ['edge'] : []), 'integration', 'browser']
const results: StepResult[] = []

if (!installNeededServers((line) => console.log(line))) {
  const failures = ['installing servers: its own words stand at the beginning']
  results.push({ passed: 0, failed: 1, seconds: [], failures })
}
if (chosen.length === 0) results.push(await staticSteps())
for (const project of projects) {
  if (chosen.length === 0 || chosen.includes(project)) results.push(await vitestStep(project))
}
conclude(sum(results))
